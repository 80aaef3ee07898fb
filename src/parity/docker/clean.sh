# What a case may have left: containers, networks, volumes, images but the one that all use.
docker ps -aq | xargs -r docker rm -fv > /dev/null 2>&1
docker network prune -f > /dev/null 2>&1
docker volume ls -q | xargs -r docker volume rm -f > /dev/null 2>&1
docker images -a --format '{{.Repository}}:{{.Tag}} {{.ID}}' | awk '$1 != "alpine:latest" { print ($1 ~ /<none>/) ? $2 : $1 }' | xargs -r docker rmi -f > /dev/null 2>&1
rm -rf /tmp/dockercase
