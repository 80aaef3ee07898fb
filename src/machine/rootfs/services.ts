/** Unit files of the services that the machine has: `userland/libc/service.ts` reads them. */

export const unitFiles: readonly (readonly [path: string, content: string])[] = [
  [
    "/usr/lib/systemd/system/docker.service",
    `[Unit]
Description=Docker Application Container Engine
Documentation=https://docs.docker.com

[Service]
Type=notify
ExecStart=/usr/sbin/dockerd -H fd://
ExecReload=/bin/kill -s HUP $MAINPID
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
KillMode=process

[Install]
WantedBy=multi-user.target
`,
  ],
  [
    "/usr/lib/systemd/system/docker.socket",
    `[Unit]
Description=Docker Socket for the API

[Socket]
ListenStream=/run/docker.sock
SocketMode=0660
SocketUser=root
SocketGroup=docker

[Install]
WantedBy=sockets.target
`,
  ],
];

/** Sockets that init listens on: who connects first starts the service. */
export const enabledSockets: readonly string[] = ["docker.socket"];
