/** DT_NEEDED of the programs of BIND 9.18, as far as the machine has files for them. */
export const bindLibraries: readonly string[] = ["libidn2.so.0", "libc.so.6"];
