# The image that the cases use: busybox with a link for each applet, as alpine:latest. The same lines make it on the real engine and in the machine.
root=$(mktemp -d)
mkdir -p "$root"/{bin,sbin,usr/bin,usr/sbin,etc,root,home,proc,sys,dev,var/log,run,mnt,opt,srv}
mkdir -m 1777 "$root/tmp"
cp "${BUSYBOX:-$(command -v busybox)}" "$root/bin/busybox"
# The real one is static, the machine's is not.
ldd "$root/bin/busybox" 2> /dev/null | grep -o '/[^ ]*' | while read -r library; do mkdir -p "$root${library%/*}"; cp "$library" "$root$library"; done
for applet in $("$root/bin/busybox" --list); do [[ $applet == busybox ]] || ln -sf busybox "$root/bin/$applet"; done
ln -s /bin/busybox "$root/usr/bin/env"
printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:2:2:daemon:/sbin:/sbin/nologin\nnobody:x:65534:65534:nobody:/:/sbin/nologin\n' > "$root/etc/passwd"
printf 'root:x:0:root\ndaemon:x:2:\nnobody:x:65534:\n' > "$root/etc/group"
printf 'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.20.3\nPRETTY_NAME="Alpine Linux v3.20"\n' > "$root/etc/os-release"
tar -C "$root" -c . | docker import -c 'CMD ["/bin/sh"]' -c 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' - alpine:latest > /dev/null
rm -r "$root"
