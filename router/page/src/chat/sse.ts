// Server-sent events out of a response's body (https://html.spec.whatwg.org/multipage/server-sent-events.html).
// Not EventSource: it cannot tell a refusal from a break, and asks again by itself.

export interface ServerEvent {
  event: string;
  data: string;
  id: string | undefined;
}

/** The events of a stream; `heard` is called at whatever comes, comments too. */
export async function* events(body: ReadableStream<Uint8Array>, heard: () => void): AsyncGenerator<ServerEvent> {
  const reader = body.pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>).getReader();
  let rest = "";
  let next: { event: string; data: string[]; id: string | undefined } = { event: "message", data: [], id: undefined };
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      heard();
      rest += value;
      const lines = rest.split(/\r\n|\n|\r(?!$)/);
      rest = lines.pop()!;
      for (const line of lines) {
        if (line === "") {
          if (next.data.length > 0) yield { event: next.event, data: next.data.join("\n"), id: next.id };
          next = { event: "message", data: [], id: undefined };
          continue;
        }
        const [, name, text] = /^([^:]*):? ?(.*)$/s.exec(line)!;
        if (name === "event") next.event = text!;
        else if (name === "data") next.data.push(text!);
        else if (name === "id") next.id = text!;
      }
    }
  } finally {
    void reader.cancel().catch(() => {});
  }
}
