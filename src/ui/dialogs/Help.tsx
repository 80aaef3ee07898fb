/** What this is, and every shortcut. */
import { Dialog } from "radix-ui";
import { actions } from "../actions/index.ts";
import { useStore } from "../store.ts";

export function Help() {
  return (
    <Dialog.Root open onOpenChange={(open) => !open && useStore.setState({ dialog: undefined })}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog help" aria-describedby={undefined}>
          <Dialog.Title asChild>
            <h2>A Linux machine you can walk around</h2>
          </Dialog.Title>
          <p>
            The terminal is a shell on a simulated Linux that runs in this browser tab and nowhere else. What you type becomes system calls;
            the drawing beside it is made from the kernel's own state, nothing is acted out.
          </p>
          <p>
            Time is the machine's own. Stop it, let it crawl at 1:100, or step from one system call to the next: the machine never notices.
            Reload the page and your session comes back, replayed from what you typed.
          </p>
          <p>
            Boxes are processes, columns are generations; the thick line leads down to the kernel. A bar along a box is its share of one
            CPU. Select a box to read it and to type commands about it.
          </p>
          <p>
            The tabs over the picture show the same machine in other ways: who shares which namespaces, what each control group uses and may
            use, how layers of files lie over each other, what is mounted where. What you select stays selected in all of them.
          </p>
          <p>
            <a href="./compatibility.html" target="_blank" rel="noopener">
              How this machine differs from Linux
            </a>
            , call by call, written by the code itself.
          </p>
          <h3 className="label">Keys</h3>
          <table>
            <tbody>
              {actions
                .filter((action) => action.shortcut !== undefined)
                .map((action) => (
                  <tr key={action.name}>
                    <td>{action.label}</td>
                    <td>
                      <kbd>{action.shortcut?.replaceAll("+", " ").replace("Arrow", "")}</kbd>
                    </td>
                  </tr>
                ))}
            </tbody>
          </table>
          <Dialog.Close className="dialog-close">Close</Dialog.Close>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
