/** Provisional: the host's network, or a namespace with nothing but lo. */

import type { Proc } from "../../abi/sys.ts";
import { writeFile } from "../../userland/libc/unistd.ts";
import type { EndpointSettings, PortSummary } from "../api/container.ts";
import type { Daemon } from "../daemon.ts";
import type { Container, NetworkSandbox, NetworkService } from "../parts.ts";

const noEndpoint: EndpointSettings = {
  IPAMConfig: null,
  Links: null,
  Aliases: null,
  NetworkID: "",
  EndpointID: "",
  Gateway: "",
  IPAddress: "",
  IPPrefixLen: 0,
  IPv6Gateway: "",
  GlobalIPv6Address: "",
  GlobalIPv6PrefixLen: 0,
  MacAddress: "",
  DriverOpts: null,
};

export class Networks implements NetworkService {
  constructor(private readonly daemon: Daemon) {}

  *restore(): Proc<void> {}

  *shutdown(): Proc<void> {}

  *prepare(container: Container): Proc<void> {
    const { NetworkMode: mode } = container.hostConfig;
    container.networkSettings.Networks = { [mode === "default" ? "bridge" : mode]: { ...noEndpoint } };
  }

  *allocate(container: Container): Proc<NetworkSandbox> {
    const { sys } = this.daemon;
    container.hostsPath = `${container.root}/hosts`;
    container.resolvConfPath = `${container.root}/resolv.conf`;
    yield* writeFile(sys, container.hostsPath, "127.0.0.1\tlocalhost\n", 0o644);
    yield* writeFile(sys, container.resolvConfPath, "", 0o644);
    return container.hostConfig.NetworkMode === "host" ? { kind: "host" } : { kind: "private" };
  }

  *release(): Proc<void> {}

  *forget(): Proc<void> {}

  ports(): PortSummary[] {
    return [];
  }
}
