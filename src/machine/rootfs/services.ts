/** Unit files of the services that the machine has: `userland/libc/service.ts` reads them. */

export const unitFiles: readonly (readonly [path: string, content: string])[] = [
  [
    "/usr/lib/systemd/system/docker.service",
    `[Unit]
Description=Docker Application Container Engine
Documentation=https://docs.docker.com

[Service]
Type=notify
ExecStart=/usr/sbin/dockerd -H unix:///var/run/docker.sock
ExecReload=/bin/kill -s HUP $MAINPID
KillMode=process

[Install]
WantedBy=multi-user.target
`,
  ],
];
