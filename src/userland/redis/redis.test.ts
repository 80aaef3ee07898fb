import { expect, test } from "vitest";
import { encodeElf } from "../../abi/elf.ts";
import { boot, type TestMachine } from "../../machine/testing.ts";

function withRedis(): TestMachine {
  const m = boot();
  for (const program of ["redis-server", "redis-cli"])
    m.write(`/usr/local/bin/${program}`, encodeElf({ type: "ET_EXEC", program, voice: "gnu", needed: [] }));
  m.run("chmod +x /usr/local/bin/redis-*; mkdir -p /data");
  return m;
}

const started = (): TestMachine => {
  const m = withRedis();
  m.run("cd /data && redis-server > /tmp/log 2>&1 & sleep 0.3");
  return m;
};

/** Commands as lines; replies as a terminal shows them. */
const cli = (m: TestMachine, lines: string): string => {
  m.write("/tmp/lines", `${lines.trim()}\n`);
  const { stdout, stderr } = m.run("redis-cli --no-raw < /tmp/lines");
  return stdout + stderr;
};

const undated = (log: string): string => log.replace(/^\d+:(signal-handler) \(\d+\)|^\d+:([MC]) \d\d \w{3} \d{4} [\d:.]{12}/gm, "$1$2");

test("the server says what it does, from its start to SIGTERM, and keeps the data", () => {
  const m = started();
  expect(m.run("redis-cli ping").stdout).toBe("PONG\n");
  expect(cli(m, "set a 1\nexpire a 1000\nrpush l x y\nsadd s m\nhset h f v\nzadd z 1.5 m\nselect 3\nset other 5")).toBe(
    "OK\n(integer) 1\n(integer) 2\n(integer) 1\n(integer) 1\n(integer) 1\nOK\nOK\n",
  );
  m.run("pkill redis-server; sleep 0.2");
  expect(undated(m.read("/tmp/log"))).toBe(
    `C * oO0OoO0OoO0Oo Redis is starting oO0OoO0OoO0Oo
C * Redis version=8.0.2, bits=64, commit=00000000, modified=0, pid=PID, just started
C # Warning: no config file specified, using the default config. In order to specify a config file use redis-server /path/to/redis.conf
M * monotonic clock: POSIX clock_gettime
M * Running mode=standalone, port=6379.
M * Server initialized
M * Ready to accept connections tcp
signal-handler Received SIGTERM scheduling shutdown...
M * User requested shutdown...
M * Saving the final RDB snapshot before exiting.
M * DB saved on disk
M # Redis is now ready to exit, bye bye...
`.replace("PID", /pid=(\d+)/.exec(m.read("/tmp/log"))?.[1] ?? ""),
  );
  expect(m.run("redis-cli ping")).toEqual({
    stdout: "",
    stderr: "Could not connect to Redis at 127.0.0.1:6379: Connection refused\n",
    status: 1,
  });
  m.run("cd /data && redis-server > /tmp/log 2>&1 & sleep 0.3");
  expect(m.read("/tmp/log")).toContain("Done loading RDB, keys loaded: 6, keys expired: 0.");
  expect(cli(m, "get a\nttl a\nlrange l 0 -1\nsmembers s\nhgetall h\nzrange z 0 -1 withscores\nselect 3\nget other")).toBe(
    '"1"\n(integer) 999\n1) "x"\n2) "y"\n1) "m"\n1) "f"\n2) "v"\n1) "m"\n2) "1.5"\nOK\n"5"\n',
  );
  m.check();
});

test("strings, keys and their ends", () => {
  const m = started();
  expect(
    cli(
      m,
      `set k hello EX 100
set k x NX
set k bye GET
get k
get none
append k ' bye'
strlen k
incr n
incrby n 41
decr k
incr big extra
mset a 1 b 2
mget a none b
ttl a
expire a 0
exists a b none
type b
keys n*
del k n
dbsize
set k v EX 0
set k v px
nosuch one two
scan 0
getrange b 0 -1`,
    ),
  ).toBe(`OK
(nil)
"hello"
"bye"
(nil)
(integer) 7
(integer) 7
(integer) 1
(integer) 42
(error) ERR value is not an integer or out of range
(error) ERR wrong number of arguments for 'incr' command
OK
1) "1"
2) (nil)
3) "2"
(integer) -1
(integer) 1
(integer) 1
string
1) "n"
(integer) 2
(integer) 1
(error) ERR invalid expire time in 'set' command
(error) ERR syntax error
(error) ERR unknown command 'nosuch', with args beginning with: 'one' 'two' 
1) "0"
2) 1) "b"
"2"
`);
  expect(m.run("redis-cli set s x PX 200; sleep 0.3; redis-cli get s; redis-cli exists s")).toEqual({
    stdout: "OK\n\n0\n",
    stderr: "",
    status: 0,
  });
  expect(m.run("redis-cli -r 3 incr c; redis-cli lpush c 1; redis-cli -e lpush c 1 > /dev/null; echo $?").stdout).toBe(
    "1\n2\n3\nWRONGTYPE Operation against a key holding the wrong kind of value\n\n1\n",
  );
  expect(m.run("redis-cli -n 2 set here 1; redis-cli -n 2 dbsize; redis-cli exists here").stdout).toBe("OK\n1\n0\n");
});

test("lists, sets, hashes, sorted sets", () => {
  const m = started();
  expect(
    cli(
      m,
      `rpush l a b c
lpush l z
lrange l 0 -1
lpop l
rpop l 2
llen l
lrange none 0 -1
sadd s b a b
sismember s a
scard s
srem s a none
hset h name x age 3
hget h age
hset h odd
hdel h name
hlen h
zadd z 2 two 1 one
zadd z xx ch 3 two
zrange z 0 -1 withscores
zrevrange z 0 0
zscore z two
zrangebyscore z (1 +inf
sadd l x
multi
incr n
get n
exec`,
    ),
  ).toBe(`(integer) 3
(integer) 4
1) "z"
2) "a"
3) "b"
4) "c"
"z"
1) "c"
2) "b"
(integer) 1
(empty array)
(integer) 2
(integer) 1
(integer) 2
(integer) 1
(integer) 2
"3"
(error) ERR wrong number of arguments for 'hset' command
(integer) 1
(integer) 1
(integer) 2
(integer) 1
1) "one"
2) "1"
3) "two"
4) "3"
1) "two"
"3"
1) "two"
(error) WRONGTYPE Operation against a key holding the wrong kind of value
OK
QUEUED
QUEUED
1) (integer) 1
2) "1"
`);
});

test("several clients at once: channels, names, plain lines", () => {
  const m = started();
  m.run("timeout 2 redis-cli subscribe news > /tmp/heard & sleep 0.3");
  expect(m.run("redis-cli publish news hi; redis-cli publish none hi; printf 'PING\\r\\n' | nc -q 1 localhost 6379").stdout).toBe(
    "1\n0\n+PONG\r\n",
  );
  expect(m.read("/tmp/heard")).toBe("subscribe\nnews\n1\nmessage\nnews\nhi\n");
  expect(m.run("redis-cli config get maxmemory; redis-cli info keyspace; redis-cli select 99").stdout).toBe(
    "maxmemory\n0\n# Keyspace\r\n\nERR DB index is out of range\n\n",
  );
  expect(m.run("redis-cli bgsave; sleep 0.2; ls /data; redis-cli shutdown nosave; sleep 0.1; pgrep redis-server").stdout).toBe(
    "Background saving started\ndump.rdb\n",
  );
});

test("the data weighs what it weighs", () => {
  const m = started();
  const rss = (): number => Number(m.run("ps -C redis-server -o rss=").stdout);
  const before = rss();
  m.run(
    "head -c 3000000 /dev/zero | tr '\\0' x > /tmp/big; (printf '*3\\r\\n$3\\r\\nSET\\r\\n$1\\r\\nk\\r\\n$3000000\\r\\n'; cat /tmp/big; printf '\\r\\n') | nc -q 1 localhost 6379",
  );
  expect(m.run("redis-cli strlen k").stdout).toBe("3000000\n");
  expect(rss() - before).toBeGreaterThan(2900);
});

test("configuration: options, passwords, mistakes", () => {
  const m = withRedis();
  expect(m.run("redis-server --nosuch 1")).toEqual({
    stdout: "",
    stderr:
      "\n*** FATAL CONFIG FILE ERROR (Redis 8.0.2) ***\nReading the configuration file, at line 1\n>>> 'nosuch 1'\nBad directive or wrong number of arguments\n",
    status: 1,
  });
  m.run("cd /data; redis-server --port 7000 --requirepass secret --save '' > /tmp/log & sleep 0.3");
  expect(
    m.run("redis-cli -p 7000 get x; redis-cli -p 7000 -a secret --no-auth-warning set x 1; REDISCLI_AUTH=secret redis-cli -p 7000 get x")
      .stdout,
  ).toBe("NOAUTH Authentication required.\n\nOK\n1\n");
  const t = m.terminal();
  t.type("redis-cli -p 7000\n");
  expect(t.type("auth secret\nselect 1\nlpush a 1\nquit\n")).toContain("127.0.0.1:7000[1]> ");
});
