import { expect, test } from "vitest";
import { encodeElf } from "../../abi/elf.ts";
import { apacheMimeTypes, httpdConf } from "../../image/base/server-files.ts";
import { bootDocker } from "../../machine/docker-testing.ts";
import { boot } from "../../machine/testing.ts";

test("files are served, logged, refused; the signal of docker stop ends it", () => {
  const m = boot();
  m.run("mkdir -p /usr/local/apache2/conf /usr/local/apache2/htdocs/sub /usr/local/apache2/logs");
  m.write("/usr/local/bin/httpd", encodeElf({ type: "ET_EXEC", program: "apache2", voice: "gnu", needed: [] }));
  m.write(
    "/usr/local/apache2/conf/httpd.conf",
    httpdConf.replace("/proc/self/fd/1", "/tmp/access").replace("/proc/self/fd/2", "/tmp/error"),
  );
  m.write("/usr/local/apache2/conf/mime.types", apacheMimeTypes);
  m.write("/usr/local/apache2/htdocs/index.html", "<html><body><h1>It works!</h1></body></html>\n");
  m.write("/usr/local/apache2/htdocs/sub/a.txt", "0123456789");
  m.run("chmod +x /usr/local/bin/httpd; touch -d 2025-01-01 /usr/local/apache2/htdocs/index.html");
  expect(m.run("httpd -t")).toEqual({ stdout: "", stderr: "Syntax OK\n", status: 0 });
  expect(m.run("httpd -v").stdout).toContain("Server version: Apache/2.4.63 (Unix)\n");
  m.run("httpd -DFOREGROUND 2> /tmp/err & sleep 0.2");
  expect(m.run("curl -si http://localhost/ | sed 's/^Date: .*/Date: X/; s/\\r//'").stdout).toBe(
    'HTTP/1.1 200 OK\nDate: X\nServer: Apache/2.4.63 (Unix)\nLast-Modified: Wed, 01 Jan 2025 00:00:00 GMT\nETag: "2d-62a9ad3c48000"\nAccept-Ranges: bytes\nContent-Length: 45\nContent-Type: text/html\n\n<html><body><h1>It works!</h1></body></html>\n'.replace(
      /ETag: .*/,
      `ETag: "2d-${(1735689600n * 1000000n).toString(16)}"`,
    ),
  );
  expect(m.run("curl -s -H 'Range: bytes=2-4' http://localhost/sub/a.txt").stdout).toBe("234");
  expect(m.run("curl -s http://localhost/sub/").stdout).toContain('<li><a href="a.txt"> a.txt</a></li>');
  expect(m.run("for p in nope sub; do curl -s -o /dev/null -w '%{http_code} ' http://localhost/$p; done").stdout).toBe("404 301 ");
  expect(m.run("chmod 0 /usr/local/apache2/htdocs/sub/a.txt; curl -s http://localhost/sub/a.txt").stdout).toContain("<h1>Forbidden</h1>");
  expect(m.run("head -1 /tmp/access | sed 's/\\[.*\\]/[T]/'").stdout).toBe('127.0.0.1 - - [T] "GET / HTTP/1.1" 200 45\n');
  m.run("pkill -WINCH -o httpd; sleep 0.2");
  expect(m.read("/tmp/error")).toMatch(/AH00492: caught SIGWINCH, shutting down gracefully\n$/);
  m.write("/usr/local/apache2/conf/httpd.conf", "ServerRoot /usr/local/apache2\nProxyPass / http://x\n");
  expect(m.run("httpd -t").stderr).toBe(
    "AH00526: Syntax error on line 2 of /usr/local/apache2/conf/httpd.conf:\nInvalid command 'ProxyPass', perhaps misspelled or defined by a module not included in the server configuration\n",
  );
});

test("httpd in a container shows its page, logs to docker logs, and ends by SIGWINCH", { timeout: 120_000 }, () => {
  const m = bootDocker();
  m.run("docker run -d --name web -p 8080:80 httpd:alpine; sleep 0.5");
  expect(m.run("curl -s localhost:8080").stdout).toBe("<html><body><h1>It works!</h1></body></html>\n");
  expect(m.run("docker logs web 2> /dev/null").stdout).toMatch(/"GET \/ HTTP\/1.1" 200 45\n$/);
  expect(m.run("docker stop web; docker inspect -f '{{.State.ExitCode}}' web").stdout).toBe("web\n0\n");
});
