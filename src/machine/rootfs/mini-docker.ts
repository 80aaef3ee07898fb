/** /root/mini-docker: a container runtime of some fifty lines of bash, to be read and tried; what it does is fork, unshare, chroot, nice, exec. */

const script = `#!/bin/bash
#
# mini-docker: a container runtime small enough to be read at one sitting.
#
#   mini-docker run CMD [ARG...]
#
# The container's files are those in container_root, beside this script.
# README.md tells how to fill it.

here=$(cd "$(dirname "$0")" && pwd)
container_root=$here/container_root
container_path=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

die() {
    echo "$1" >&2
    exit "$2"
}

# Looks for a command as execvp(3) will inside: along the path, unless it has a slash.
inside_has() {
    local dir
    case $1 in
    /*) [ -x "$container_root$1" ]; return ;;
    */*) [ -x "$container_root/$1" ]; return ;;
    esac
    for dir in \${container_path//:/ }; do
        [ -x "$container_root$dir/$1" ] && return 0
    done
    return 1
}

# The host's side: checks, starts the container, waits, reports.
run() {
    [ "$(id -u)" = 0 ] || die "Permission denied. Use sudo." 1
    [ -d "$container_root" ] || die "container_root not found in $here" 1

    # The shell forks here. The child leaves the mount namespace and comes back into this script, at "enter".
    unshare --mount --propagation unchanged "$BASH" "$0" enter "$@"
    local status=$?

    echo "Container exited with code $status" >&2
    return $status
}

# The container's side, in its own mount namespace.
enter() {
    # What is mounted from here on stays invisible to the host.
    mount --make-rprivate / || die "Permission denied. Use sudo." 1

    inside_has "$1" || die "Command not found inside container: $1" 127

    # New root directory, a lower priority (nice 10), and the command in place of this shell.
    export PATH=$container_path HOME=/
    exec nice -n 10 chroot "$container_root" "$@"
}

case $1 in
run | enter)
    [ $# -ge 2 ] || die "Usage: mini-docker run CMD [ARG...]" 2
    verb=$1
    shift
    "$verb" "$@"
    ;;
*) die "Usage: mini-docker run CMD [ARG...]" 2 ;;
esac
`;

const readme = `# mini-docker

A container runtime in one bash script. Read it: \`less mini-docker\`.

    mini-docker run CMD [ARG...]

It forks, gives the child a mount namespace of its own (\`unshare\`), makes all mounts
private (\`mount --make-rprivate /\`), changes the root directory to \`container_root\`
(\`chroot\`), lowers the priority (\`nice -n 10\`) and starts CMD. When CMD ends, its exit
code is reported.

## Set it up by hand

A container needs files. Make a root directory beside the script:

    cd /root/mini-docker
    mkdir container_root
    cd container_root
    mkdir bin lib lib64

Put a program into it:

    cp /bin/ls bin

A program needs its libraries, and \`ldd\` names them:

    ldd /bin/ls

Copy each to the path that is named, the loader to lib64:

    mkdir lib/x86_64-linux-gnu
    cp /lib/x86_64-linux-gnu/libselinux.so.1 lib/x86_64-linux-gnu
    cp /lib/x86_64-linux-gnu/libc.so.6 lib/x86_64-linux-gnu
    cp /lib/x86_64-linux-gnu/libpcre2-8.so.0 lib/x86_64-linux-gnu
    cp /lib64/ld-linux-x86-64.so.2 lib64

Leave one out, and see what the loader says. The same for echo and yes, which need libc alone:

    cp /bin/echo /bin/yes bin

## Try it

    cd /root/mini-docker
    ./mini-docker run ls
    ./mini-docker run ls -l
    ./mini-docker run ls /
    ./mini-docker run echo hello world
    ./mini-docker run nosuch
    ./mini-docker run yes

While yes runs, start a \`yes > /dev/null\` in another terminal and look at both in \`top\`:
nice 10 gets about a tenth of the CPU that nice 0 gets.

## What it is not

- Processes are not separate: there is no PID namespace, and a /proc mounted inside shows all.
- The network is the host's.
- Nothing limits memory, CPU or the number of processes: there is no cgroup.
- chroot is no wall: root inside can leave it, and keeps all capabilities.
- There are no images or layers: what the container writes stays in container_root.
`;

/** Files of /root/mini-docker: path, content, mode. */
export const miniDockerFiles: readonly (readonly [path: string, content: string, mode: number])[] = [
  ["/root/mini-docker/README.md", readme, 0o644],
  ["/root/mini-docker/mini-docker", script, 0o755],
];
