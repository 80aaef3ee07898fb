import { expect, test } from "vitest";
import { encodeElf } from "../../abi/elf.ts";
import { nginxConf, nginxDefaultConf, mimeTypes } from "../../image/base/server-files.ts";
import { boot, type TestMachine } from "../../machine/testing.ts";

function withNginx(): TestMachine {
  const m = boot();
  m.run(
    "mkdir -p /etc/nginx/conf.d /var/log/nginx /usr/share/nginx/html/sub; echo 'nginx:x:101:101:nginx:/nonexistent:/bin/false' >> /etc/passwd; echo 'nginx:x:101:' >> /etc/group",
  );
  m.write("/usr/sbin/nginx", encodeElf({ type: "ET_EXEC", program: "nginx", voice: "gnu", needed: [] }));
  m.write("/etc/nginx/nginx.conf", nginxConf.replace("auto", "2"));
  m.write("/etc/nginx/conf.d/default.conf", nginxDefaultConf);
  m.write("/etc/nginx/mime.types", mimeTypes);
  m.write("/usr/share/nginx/html/index.html", "<h1>hello</h1>\n");
  m.write("/usr/share/nginx/html/a.txt", "0123456789");
  m.run("chmod +x /usr/sbin/nginx; touch -d 2025-01-01 /usr/share/nginx/html/*");
  return m;
}

test("configuration is tested, and what is wrong with it is told", () => {
  const m = withNginx();
  expect(m.run("nginx -v")).toEqual({ stdout: "", stderr: "nginx version: nginx/1.27.5\n", status: 0 });
  expect(m.run("nginx -t")).toEqual({
    stdout: "",
    stderr:
      "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok\nnginx: configuration file /etc/nginx/nginx.conf test is successful\n",
    status: 0,
  });
  m.write("/etc/nginx/conf.d/default.conf", "server {\n  listn 80;\n}\n");
  expect(m.run("nginx -t").stderr).toBe(
    'nginx: [emerg] unknown directive "listn" in /etc/nginx/conf.d/default.conf:2\nnginx: configuration file /etc/nginx/nginx.conf test failed\n',
  );
  m.write("/etc/nginx/conf.d/default.conf", "server {\n  listen 80;\n");
  expect(m.run("nginx").stderr).toBe('nginx: [emerg] unexpected end of file, expecting "}" in /etc/nginx/conf.d/default.conf:3\n');
  m.write("/etc/nginx/conf.d/default.conf", "server { location / { proxy_pass http://x; } }");
  expect(m.run("nginx").stderr).toBe('nginx: [emerg] directive "proxy_pass" is not in Drydock yet in /etc/nginx/conf.d/default.conf:1\n');
});

test("files are served, logged, and refused as nginx does", () => {
  const m = withNginx();
  expect(m.run("nginx")).toEqual({ stdout: "", stderr: "", status: 0 });
  expect(m.run("ps -C nginx -o user= | sort | uniq -c").stdout.trim().split(/\s+/)).toEqual(["2", "nginx", "1", "root"]);
  expect(m.run("curl -s http://localhost/").stdout).toBe("<h1>hello</h1>\n");
  expect(m.run("curl -sI http://localhost/a.txt").stdout.replace(/Date: .*/, "Date: X")).toBe(
    "HTTP/1.1 200 OK\r\nServer: nginx/1.27.5\r\nDate: X\r\nContent-Type: text/plain\r\nContent-Length: 10\r\n" +
      'Last-Modified: Wed, 01 Jan 2025 00:00:00 GMT\r\nConnection: keep-alive\r\nETag: "67748580-a"\r\nAccept-Ranges: bytes\r\n\r\n',
  );
  expect(m.run("curl -s -H 'Range: bytes=2-4' http://localhost/a.txt").stdout).toBe("234");
  expect(m.run("curl -s -o /dev/null -w '%{http_code}' http://localhost/nope").stdout).toBe("404");
  expect(m.run("curl -s -o /dev/null -w '%{http_code}' http://localhost/sub").stdout).toBe("301");
  expect(m.run("curl -s http://localhost/sub/").stdout).toContain("<center><h1>403 Forbidden</h1></center>");
  expect(m.run("curl -s -d x http://localhost/").stdout).toContain("405 Not Allowed");
  const access = m.read("/var/log/nginx/access.log").split("\n");
  expect(access[0]?.replace(/\[.*?\]/, "[T]").replace(/curl\/[\d.]+/, "curl")).toBe(
    '127.0.0.1 - - [T] "GET / HTTP/1.1" 200 15 "-" "curl" "-"',
  );
  expect(m.read("/var/log/nginx/error.log")).toMatch(
    /\[error\] \d+#\d+: \*\d+ open\(\) "\/usr\/share\/nginx\/html\/nope" failed \(2: No such file or directory\), client: 127.0.0.1, server: localhost, request: "GET \/nope HTTP\/1.1", host: "localhost"\n/,
  );
  expect(m.run("nginx").stderr).toBe("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n");
  m.write("/etc/nginx/conf.d/default.conf", "server { listen 80; location / { return 200 'other\n'; } }");
  m.run("nginx -s reload; sleep 0.2");
  expect(m.run("curl -s http://localhost/").stdout).toBe("other\n");
  expect(m.run("nginx -s quit; sleep 0.5; ps -C nginx -o pid=; ls /run/nginx.pid")).toEqual({
    stdout: "",
    stderr: "ls: cannot access '/run/nginx.pid': No such file or directory\n",
    status: 2,
  });
  m.check();
});
