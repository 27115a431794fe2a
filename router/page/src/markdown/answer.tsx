// An answer's Markdown as elements, each made by its name; never as HTML. What is no Markdown is text.
import { Component, Fragment } from "preact";
import type { ComponentChildren, JSX } from "preact";
import { memo } from "../common/drawing";
import { useRef } from "preact/hooks";
import type { Token, Tokens } from "marked";
import { Blocks, type Block } from "./blocks";
import { Code } from "./code";
import { decoded, linkTo } from "./entities";

/** Shows a text as it is where its elements cannot be made; the page lives on. */
class Fallback extends Component<{ text: string; children: ComponentChildren }, { failed: string | null }> {
  override state = { failed: null as string | null };
  override componentDidCatch(): void {
    this.setState({ failed: this.props.text });
  }
  override render(): ComponentChildren {
    return this.state.failed === this.props.text ? <p class="plain">{this.props.text}</p> : this.props.children;
  }
}

export function Answer({ text, isOpen }: { text: string; isOpen: boolean }): JSX.Element {
  const blocks = useRef<Blocks | null>(null);
  blocks.current ??= new Blocks();
  const all = blocks.current.of(text, isOpen);
  let level = 2;
  return (
    <div class="md">
      {all.map((block, index) => {
        const isLast = isOpen && index === all.length - 1;
        // Headings go down one step at a time, whatever the model writes.
        if (block.token?.type === "heading") level = Math.max(3, Math.min((block.token as Tokens.Heading).depth + 2, level + 1, 6));
        return <BlockView key={block.key} token={block.token} text={block.text} level={level} isOpen={isLast} />;
      })}
    </div>
  );
}

interface BlockProps {
  token: Block["token"];
  text: string;
  level: number;
  isOpen: boolean;
}

// Equal text is an equal block: what is finished is not made anew.
const BlockView = memo(
  function BlockView({ token, text, level, isOpen }: BlockProps): JSX.Element {
    if (!token) return <p class="plain">{text}</p>;
    return (
      <Fallback text={text}>
        <BlockOf token={token} level={level} isOpen={isOpen} />
      </Fallback>
    );
  },
  (a, b) => a.text === b.text && a.level === b.level && a.isOpen === b.isOpen && a.token?.type === b.token?.type,
);

function BlockOf({ token, level, isOpen }: { token: Token; level: number; isOpen: boolean }): JSX.Element {
  switch (token.type) {
    case "heading": {
      const Tag = `h${level}` as "h3";
      return <Tag class={`d${(token as Tokens.Heading).depth}`}>{inline(token.tokens, isOpen)}</Tag>;
    }
    case "paragraph":
      return <p>{inline(token.tokens, isOpen)}</p>;
    case "text":
      return <>{token.tokens ? inline(token.tokens, isOpen) : decoded(token.text)}</>;
    case "code": {
      const { lang } = token as Tokens.Code;
      const text = written(token as Tokens.Code);
      const isFenceOpen = isOpen && !/\n[ \t]*(?:`{3,}|~{3,})[ \t]*\n?$/.test(token.raw);
      return <Code text={text} language={(lang ?? "").split(/[\s{,]/)[0]!} isOpen={isFenceOpen} />;
    }
    case "blockquote":
      return <blockquote>{children(token.tokens, level, isOpen)}</blockquote>;
    case "list":
      return <List token={token as Tokens.List} level={level} isOpen={isOpen} />;
    case "table":
      return <Table token={token as Tokens.Table} isOpen={isOpen} />;
    case "hr":
      return <hr />;
    case "html":
      return <p class="plain">{token.raw.trim()}</p>;
    default:
      return <p class="plain">{token.raw}</p>;
  }
}

/** A fence's text exactly: the Lexer's has one line end more where an empty line stands at the end. */
function written({ raw, text }: Tokens.Code): string {
  const inside = /^(?:`{3,}|~{3,})[^\n]*\n([\s\S]*)\n(?:`{3,}|~{3,})[ \t]*\n*$/.exec(raw);
  return inside ? inside[1]! : text;
}

function children(tokens: Token[] | undefined, level: number, isOpen: boolean): ComponentChildren {
  const shown = (tokens ?? []).filter((token) => token.type !== "space" && token.type !== "def" && token.type !== "checkbox");
  return shown.map((token, index) => <BlockOf key={index} token={token} level={Math.min(level + 1, 6)} isOpen={isOpen && index === shown.length - 1} />);
}

function List({ token, level, isOpen }: { token: Tokens.List; level: number; isOpen: boolean }): JSX.Element {
  const items = token.items.map((item, index) => (
    <li key={index} class={item.task ? "task" : undefined}>
      {item.task && <span role="img" aria-label={item.checked ? "done" : "open"}>{item.checked ? "☑ " : "☐ "}</span>}
      {children(item.tokens, level, isOpen && index === token.items.length - 1)}
    </li>
  ));
  return token.ordered ? <ol start={typeof token.start === "number" ? token.start : 1}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ token, isOpen }: { token: Tokens.Table; isOpen: boolean }): JSX.Element {
  const name = token.header.map((cell) => plain(cell.tokens)).filter(Boolean).join(", ");
  const place = (index: number) => (token.align[index] === "right" ? "n" : token.align[index] === "center" ? "c" : undefined);
  return (
    <div class="tablewrap" role="group" aria-label={`Table: ${name}`} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {token.header.map((cell, index) => (
              <th key={index} scope="col" class={place(index)}>
                {inline(cell.tokens, false)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {token.rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, index) => (
                <td key={index} class={place(index) ?? (plain(cell.tokens).length > 36 ? "w" : undefined)}>
                  {inline(cell.tokens, isOpen && at === token.rows.length - 1)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The words of inline tokens. */
function plain(tokens: Token[] | undefined): string {
  return (tokens ?? []).map((token) => ("tokens" in token && token.tokens ? plain(token.tokens) : decoded("text" in token ? String(token.text) : token.raw))).join("");
}

function inline(tokens: Token[] | undefined, isOpen: boolean): ComponentChildren {
  const all = tokens ?? [];
  // A full stop after an address may be a part of it.
  const isPoint = /^[.,;:!?'")\]]+$/.test(all.at(-1)?.raw ?? "") && all.at(-2)?.type === "link";
  const end = all.length - (isPoint ? 2 : 1);
  return all.map((token, index) => <Fragment key={index}>{inlineOf(token, isOpen && index >= end)}</Fragment>);
}

function inlineOf(token: Token, isLast: boolean): ComponentChildren {
  switch (token.type) {
    case "text":
    case "escape":
      return token.type === "text" && "tokens" in token && token.tokens ? inline(token.tokens, isLast) : decoded(token.text);
    case "strong":
      return <strong>{inline(token.tokens, isLast)}</strong>;
    case "em":
      return <em>{inline(token.tokens, isLast)}</em>;
    case "del":
      return <del>{inline(token.tokens, isLast)}</del>;
    case "codespan":
      return <code>{(token as Tokens.Codespan).text}</code>;
    case "br":
      return <br />;
    case "link": {
      // An address that is still coming would lead elsewhere.
      const isBare = isLast && token.raw === token.text;
      return isBare ? token.text : <Link href={(token as Tokens.Link).href}>{inline(token.tokens, false)}</Link>;
    }
    case "image": {
      // Never fetched: whoever wrote the answer would learn who reads it, and when.
      const { href, text } = token as Tokens.Image;
      return <Link href={href}>{`Image: ${decoded(text) || "without a name"}`}</Link>;
    }
    default:
      return token.raw;
  }
}

/** Where one connects an account that an answer needs. */
const CONNECT = `${location.origin}/dashboard?view=connections`;

function Link({ href, children }: { href: string; children: ComponentChildren }): JSX.Element {
  const to = linkTo(href);
  if (!to) return <>{children}</>;
  return (
    <a class={to.startsWith(CONNECT) ? "btn" : undefined} href={to} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}
