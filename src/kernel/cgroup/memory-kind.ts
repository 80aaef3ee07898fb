/** What memory is used for: resident pages of programs, tmpfs pages, stacks and tables of tasks, inodes, buffers of pipes and sockets. */
export type MemoryKind = "anon" | "shmem" | "kernel" | "slab" | "pipe" | "sock";
