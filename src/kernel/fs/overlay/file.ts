/**
 * Open regular files of overlayfs: they pass everything on to a file of the layer. Linux `fs/overlayfs/file.c`. Events and access times are those of
 * the overlay's file.
 */

import { O_NOATIME } from "../../../abi/fcntl.ts";
import { IN_ACCESS, IN_MODIFY } from "../../../abi/poll.ts";
import type { IoctlRequest } from "../../../abi/termios.ts";
import type { MaySleep } from "../../blocked.ts";
import type { WaitQueue } from "../../sched/wait-queue.ts";
import { touchAtime } from "../../vfs/atime.ts";
import type { Caller } from "../../vfs/caller.ts";
import { Dentry, type Path } from "../../vfs/dentry.ts";
import { File } from "../../vfs/file.ts";
import { notifyDentry } from "../../vfs/notify.ts";
import type { OverlayInode } from "./inode.ts";
import type { Layer, LayerPath } from "./layer.ts";

export class OverlayFile extends File {
  private layerFile: File | undefined;

  constructor(
    private readonly node: OverlayInode,
    flags: number,
    override readonly path: Path,
  ) {
    super(node, flags, path);
  }

  /** The layer's file. One that was opened for reading moves on to the upper layer when the file is copied up (ovl_real_fdget). */
  override get backing(): File {
    // Whoever asks for it writes past this object (copy_file_range).
    if (this.writable) this.modified();
    return this.real().backing;
  }

  private real(): File {
    const { node } = this;
    let file = this.layerFile;
    if (file?.inode !== node.top) {
      file?.put();
      file = this.openReal().get();
      this.layerFile = file;
    }
    file.flags = this.flags | O_NOATIME;
    file.pos = this.pos;
    return file;
  }

  /** Without a name of its own: the layer's directory does not see it being read (FMODE_NONOTIFY). */
  private openReal(): File {
    const { node } = this;
    const { sb, top } = node;
    const { mnt } = node.upper === undefined ? (node.lowers[0] as LayerPath).layer : (sb.upper as Layer);
    return top.open({ mnt, dentry: Dentry.root(top) }, this.flags | O_NOATIME, sb.asMounter(sb.current)) as File;
  }

  override get(): this {
    super.get();
    // Opened with the overlay's file, so that it stays when the name goes.
    if (this.layerFile === undefined) {
      this.real();
      if (this.node.upper === undefined) (this.node.lowerReaders ??= new Set()).add(this);
    }
    return this;
  }

  /** The file was copied up. */
  moveUp(): void {
    this.node.lowerReaders?.delete(this);
    this.real();
  }

  protected override release(): void {
    this.node.lowerReaders?.delete(this);
    this.layerFile?.put();
    this.layerFile = undefined;
  }

  private accessed(caller: Caller, n: number): void {
    touchAtime(caller, this.path.mnt, this.node, this.flags);
    if (n > 0) notifyDentry(this.path.dentry, IN_ACCESS);
  }

  private modified(): void {
    this.node.sb.upperVersion++;
    notifyDentry(this.path.dentry, IN_MODIFY);
  }

  override read(caller: Caller, buf: Uint8Array): MaySleep<number> {
    const file = this.real();
    const n = file.read(caller, buf);
    this.pos = file.pos;
    if (typeof n === "number") this.accessed(caller, n);
    return n;
  }

  override readAt(caller: Caller, buf: Uint8Array, offset: number): number {
    const n = this.real().readAt(caller, buf, offset);
    this.accessed(caller, n);
    return n;
  }

  override write(caller: Caller, buf: Uint8Array): MaySleep<number> {
    const file = this.real();
    const n = file.write(caller, buf);
    this.pos = file.pos;
    if (n !== 0) this.modified();
    return n;
  }

  override writeAt(caller: Caller, buf: Uint8Array, offset: number): number {
    const n = this.real().writeAt(caller, buf, offset);
    if (n > 0) this.modified();
    return n;
  }

  override seek(caller: Caller, offset: number, whence: number): number {
    this.pos = this.real().seek(caller, offset, whence);
    return this.pos;
  }

  override truncate(caller: Caller, length: number): void {
    this.real().truncate(caller, length);
    this.modified();
  }

  override fallocate(caller: Caller, mode: number, offset: number, length: number): void {
    this.real().fallocate(caller, mode, offset, length);
    this.modified();
  }

  override ioctl(caller: Caller, request: IoctlRequest, arg: unknown): MaySleep<unknown> {
    return this.real().ioctl(caller, request, arg);
  }

  override poll(caller: Caller, queues?: WaitQueue[]): number {
    return this.real().poll(caller, queues);
  }
}
