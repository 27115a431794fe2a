// An answer's Markdown as blocks. While it comes, only its end is read anew: blocks that can change no more
// are frozen, so that a long answer costs no more per word than a short one, and its elements stay.
import { Lexer, type Token, type TokensList } from "marked";
import { healed } from "./heal";

export interface Block {
  /** Where it begins in the text: its name, as long as the answer grows. */
  key: number;
  /** Null: what could not be read, shown as it is. */
  token: Token | null;
  text: string;
}

/** More is shown as it is: a model's answer ends long before. */
const MOST = 400_000;
/** A paragraph or item of more is shown as it is: marks inside of it take quadratic time. */
const MOST_IN_BLOCK = 60_000;
/** Twenty quotes or lists in each other overflow nothing; three thousand do. */
const TOO_DEEP = /^(?:[ \t]*(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])){20}|^[ \t]{60,}(?:[-*+]|\d{1,9}[.)])[ \t]/m;
/** Of openers that nothing closes. */
const TOO_MANY = /(?:[[*_`~<!][^\n\]*_`~>]{0,3}){600}/;

/** What the Lexer was given, in characters, and took, in milliseconds: tests look at it. */
const cost = { characters: 0, lexing: 0 };
Object.assign(window, { t3netsCost: cost });

export class Blocks {
  private frozen: Block[] = [];
  private frozenText = "";
  private links: TokensList["links"] = {};
  private shown: { text: string; isOpen: boolean; blocks: Block[] } | null = null;

  /** The blocks of a text; `isOpen` while more of it comes. */
  of(text: string, isOpen: boolean): Block[] {
    if (this.shown && this.shown.text === text && this.shown.isOpen === isOpen) return this.shown.blocks;
    const blocks = this.read(text.replace(/\r\n?/g, "\n"), isOpen);
    this.shown = { text, isOpen, blocks };
    return blocks;
  }

  private read(text: string, isOpen: boolean): Block[] {
    if (!text.startsWith(this.frozenText)) {
      this.frozen = [];
      this.frozenText = "";
      this.links = {};
    }
    if (text.length > MOST) return [{ key: 0, token: null, text }];
    const start = this.frozenText.length;
    const rest = text.slice(start);
    const tokens = this.lex(rest);
    if (!tokens) return [...this.frozen, { key: start, token: null, text: rest }];
    const exact = tokens.reduce((sum, token) => sum + token.raw.length, 0) === rest.length;
    if (isOpen && exact) this.freeze(tokens, start);
    const at = this.frozenText.length;
    const open = text.slice(at);
    // The end may be inside of a mark; it alone is read a second time, as it would be if it were whole.
    const last = isOpen ? this.lex(healed(open)) : at === start ? tokens : this.lex(open);
    return [...this.frozen, ...(last ? placed(last, at) : [{ key: at, token: null, text: open }])];
  }

  /** All but the last two blocks can change no more. */
  private freeze(tokens: Token[], start: number): void {
    const solid = tokens.flatMap((token, index) => (token.type === "space" ? [] : [index]));
    const end = solid.length > 2 ? solid[solid.length - 2]! : 0;
    if (end === 0) return;
    const stay = tokens.slice(0, end);
    this.frozen.push(...placed(stay, start));
    this.frozenText += stay.map((token) => token.raw).join("");
  }

  private lex(text: string): TokensList | null {
    if (TOO_DEEP.test(text) || TOO_MANY.test(text)) return null;
    const began = performance.now();
    try {
      const lexer = new Lexer({ gfm: true, breaks: true });
      Object.assign(lexer.tokens.links, this.links);
      const tokens = lexer.lex(text);
      this.links = tokens.links;
      return tokens.some((token) => token.raw.length > MOST_IN_BLOCK && token.type !== "code") ? null : tokens;
    } catch {
      return null;
    } finally {
      cost.characters += text.length;
      cost.lexing += performance.now() - began;
    }
  }
}

function placed(tokens: Token[], start: number): Block[] {
  let at = start;
  const blocks: Block[] = [];
  for (const token of tokens) {
    if (token.type !== "space" && token.type !== "def") blocks.push({ key: at, token, text: token.raw });
    at += token.raw.length;
  }
  return blocks;
}
