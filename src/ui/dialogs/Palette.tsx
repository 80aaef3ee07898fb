/** The command palette: every action, found by its name. */
import { Command } from "cmdk";
import { Dialog } from "radix-ui";
import type { Action } from "../actions/action.ts";
import { actions } from "../actions/index.ts";
import { runAction, useSession } from "../context.tsx";
import { useStore } from "../store.ts";

const SECTIONS: readonly Action["section"][] = ["Terminal", "Clock", "Picture", "Machine", "Page"];

export function Palette() {
  const session = useSession();
  const close = () => useStore.setState({ dialog: undefined });
  const choose = (action: Action) => {
    close();
    // After the dialog has given the focus back, so that the action may move it.
    setTimeout(() => runAction(action, session));
  };
  const context = { session, state: useStore.getState() };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && close()}>
      <Dialog.Portal>
        <Dialog.Overlay className="veil" />
        <Dialog.Content className="dialog palette" aria-describedby={undefined}>
          <Dialog.Title className="visually-hidden">All commands</Dialog.Title>
          <Command label="Commands" loop>
            <Command.Input className="palette-input" placeholder="Find a command" />
            <Command.List>
              <Command.Empty>No command has this name.</Command.Empty>
              {SECTIONS.map((section) => (
                <Command.Group key={section} heading={<span className="label">{section}</span>}>
                  {actions
                    .filter((action) => action.section === section && action.name !== "palette.open")
                    .map((action) => (
                      <Command.Item
                        key={action.name}
                        value={`${action.label} ${action.name}`}
                        disabled={action.enabled?.(context) === false}
                        onSelect={() => choose(action)}
                      >
                        {action.label}
                        {action.shortcut !== undefined && <kbd>{action.shortcut.replaceAll("+", " ").replace("Arrow", "")}</kbd>}
                      </Command.Item>
                    ))}
                </Command.Group>
              ))}
            </Command.List>
          </Command>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
