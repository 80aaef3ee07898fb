declare module "docker-names" {
  const names: { readonly left: readonly string[]; readonly right: readonly string[] };
  export = names;
}
