/** Actions on the picture: which view it shows, and how. */
import { useStore } from "../store.ts";
import { views } from "../views.ts";
import type { Action } from "./action.ts";

export const viewActions: readonly Action[] = [
  ...views.map(
    ({ name, figure, title }): Action => ({
      name: `view.${name}`,
      label: `Show ${title}`,
      section: "Picture",
      shortcut: `Alt+${figure}`,
      run: () => useStore.setState({ view: name, pane: "picture" }),
    }),
  ),
  {
    name: "picture.text",
    label: "Picture or text",
    section: "Picture",
    run: ({ state }) => useStore.setState({ asText: !state.asText, pane: "picture" }),
  },
  {
    name: "picture.deselect",
    label: "Select nothing",
    section: "Picture",
    enabled: ({ state }) => state.selection !== undefined,
    run: () => useStore.setState({ selection: undefined }),
  },
];
