// What the boxes for questions have in common: which keys send, and growing.

/** Whether one writes with a finger: Enter is then for lines. */
export const touch = matchMedia("(hover: none) and (pointer: coarse)");

export function isSendKey(event: KeyboardEvent): boolean {
  if (event.key !== "Enter") return false;
  return event.ctrlKey || event.metaKey || !(event.shiftKey || event.altKey || touch.matches);
}

const grows = CSS.supports("field-sizing", "content");

/** To the height of its text, where the style sheet cannot. */
export function grow(element: HTMLTextAreaElement): void {
  if (grows) return;
  element.style.height = "auto";
  element.style.height = `${element.scrollHeight}px`;
}
