/** ioctl(2): what any file answers, and the way to the file's own. Linux `fs/ioctl.c`. */

import { EBADF } from "../../abi/errno.ts";
import { O_NONBLOCK, O_PATH } from "../../abi/fcntl.ts";
import { isReg } from "../../abi/stat.ts";
import type { SocketIoctls } from "../../abi/sockios.ts";
import type { IoctlRequest } from "../../abi/termios.ts";
import type { MaySleep } from "../blocked.ts";
import { NET } from "../net/module.ts";
import { SocketFile } from "../net/socket.ts";
import { requestModule } from "../task/module.ts";
import type { System } from "../task/system.ts";
import type { Task } from "../task/task.ts";
import type { Handlers } from "./handler.ts";

const isDeviceRequest = (request: string): request is keyof SocketIoctls => request.startsWith("SIOC");

function ioctl(system: System, task: Task, fd: number, request: IoctlRequest, arg: unknown): MaySleep<unknown> {
  const file = task.files.require(fd);
  if ((file.flags & O_PATH) !== 0) throw EBADF;
  if (request === "FIONBIO") {
    file.flags = Number(arg) === 0 ? file.flags & ~O_NONBLOCK : file.flags | O_NONBLOCK;
    return undefined;
  }
  if (request === "FIONREAD" && isReg(file.inode.mode)) return file.inode.size - file.pos;
  if (isDeviceRequest(request) && file instanceof SocketFile) return requestModule(system, NET).deviceIoctl(task, request, arg);
  return file.ioctl(task, request, arg);
}

// The answer's type depends on the request's value, which a table of handlers cannot say.
export const ioctlCalls: Handlers<"ioctl"> = { ioctl: ioctl as Handlers<"ioctl">["ioctl"] };
