/** While there is next to nothing to see in a view: commands that put something there, as chips that type them. */
import { useSession } from "../context.tsx";

export function TryThese({ words, commands }: { readonly words: string; readonly commands: readonly string[] }) {
  const session = useSession();
  return (
    <div className="try">
      <p>{words}</p>
      <div className="chips">
        {commands.map((command) => (
          <button type="button" className="chip" key={command} onClick={() => session.typeCommand(command)}>
            {command}
          </button>
        ))}
      </div>
    </div>
  );
}
