/** The address of the machine's worker script; the build says where it is (`vite.config.ts`). */
declare module "machine-worker?worker&url" {
  const url: string;
  // biome-ignore lint/style/noDefaultExport: this is how Vite exports it.
  export default url;
}
