// What the programs use of Node, whose types are no dependency.
declare module "node:fs" {
  export function openAsBlob(path: string): Promise<Blob>;
}
declare const process: { argv: string[] };
