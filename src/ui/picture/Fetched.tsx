/** Round what is fetched when it is first looked at: offline, or after a new version was put up, that may fail, and the terminals must not go with it. */
import { Component, type ReactNode } from "react";

interface Props {
  readonly children: ReactNode;
}

export class Fetched extends Component<Props, { readonly failed: boolean }> {
  override state = { failed: false };

  static getDerivedStateFromError(): { readonly failed: boolean } {
    return { failed: true };
  }

  override render(): ReactNode {
    if (!this.state.failed) return this.props.children;
    return (
      <div className="drawing plain try">
        <p>This drawing could not be fetched or drawn. The machine runs on, and after a reload your session comes back.</p>
        <div className="chips">
          <button type="button" className="chip" onClick={() => location.reload()}>
            Reload the page
          </button>
        </div>
      </div>
    );
  }
}
