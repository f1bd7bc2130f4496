import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(__dirname, "../..");

/** A page that people read. */
export interface Document {
  /** Its path in the repository. */
  readonly file: string;
  readonly text: string;
}

/** A code block of a document. */
export interface Block {
  /** Where it is, such as `README.md:23`. */
  readonly name: string;
  readonly language: string;
  readonly code: string;
  /** The name in the comment `<!-- spec: name -->` before it: a spec runs this block. */
  readonly spec: string | undefined;
}

/** The Markdown files in these folders. */
export function documentsIn(...folders: readonly string[]): Document[] {
  return folders
    .flatMap((folder) => readdirSync(join(root, folder)).map((name) => join(folder, name)))
    .filter((file) => file.endsWith(".md"))
    .map((file) => ({ file, text: readFileSync(join(root, file), "utf8") }));
}

/** What a user reads: the README and everything in `docs/`. */
export const guides = [...documentsIn("."), ...documentsIn("docs")].filter(
  ({ file }) => file === "README.md" || file.startsWith("docs/"),
);

/** The code blocks of a document. */
export function blocksOf({ file, text }: Document): Block[] {
  const fences = /(?:<!-- spec: (\S+) -->\s+)?^```(\w*)\n([^]*?)^```$/gm;
  return [...text.matchAll(fences)].map((match) => {
    const [, spec, language = "", code = ""] = match;
    const line = text.slice(0, match.index).split("\n").length;
    return { name: `${file}:${line}`, language, code, spec };
  });
}

/** Every code block of the README and of `docs/`. */
export const blocks = guides.flatMap(blocksOf);

/** A document without its code blocks, in which a link or a heading may be quoted. */
export function proseOf({ text }: Document): string {
  return text
    .replace(/^```[^]*?^```$/gm, "")
    .replace(/`[^`\n]*`/g, (code) => code.replace(/[[\]]/g, ""));
}

/** The anchors of a document, as GitHub makes them from its headings. */
export function anchorsOf(document: Document): string[] {
  return [...proseOf(document).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\w -]/g, "")
      .replace(/ /g, "-"),
  );
}

/** A link that a document makes inside the repository. */
export interface Link {
  readonly path: string;
  readonly anchor: string | undefined;
}

/** The links of a document that lead neither to another site nor to a person. */
export function linksOf(document: Document): Link[] {
  const links = [...proseOf(document).matchAll(/\]\((?!\w+:)([^)#\s]*)(?:#([^)\s]*))?\)/g)];
  return links.map(([, path = "", anchor]) => ({ path, anchor }));
}

/** The command lines in a block of shell, joined where a backslash continues them. */
export function commandsIn({ language, code }: Block): string[] {
  const lines = code.replace(/\\\n\s*/g, "").split("\n");
  const commands =
    language === "console"
      ? lines.filter((line) => line.startsWith("$ ")).map((line) => line.slice(2))
      : lines;
  return commands.map((line) => line.trim()).filter((line) => line !== "" && !line.startsWith("#"));
}

/** The words of a command line as a shell would read them: quotes taken away, comments left out. */
export function wordsOf(command: string): string[] {
  const bare = command.replace(/\s#.*$/, "");
  const words = bare.match(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g) ?? [];
  return words.map((word) => word.replace(/'([^']*)'|"([^"]*)"/g, "$1$2"));
}
