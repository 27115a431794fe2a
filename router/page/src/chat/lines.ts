// Whether the caret stands in the first or last line that shows: only there Up and Down leave the text.

/** Whether a piece of text without line ends fits into one line of the box. */
function fits(element: HTMLTextAreaElement, text: string): boolean {
  const context = document.createElement("canvas").getContext("2d");
  if (!context) return false;
  const style = getComputedStyle(element);
  context.font = style.font;
  return context.measureText(text).width < element.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight) - 2;
}

export function isOnFirstLine(element: HTMLTextAreaElement): boolean {
  const { value, selectionStart, selectionEnd } = element;
  if (selectionStart !== selectionEnd) return false;
  return selectionStart === 0 || (!value.slice(0, selectionStart).includes("\n") && fits(element, value.slice(0, selectionStart)));
}

export function isOnLastLine(element: HTMLTextAreaElement): boolean {
  const { value, selectionStart, selectionEnd } = element;
  if (selectionStart !== selectionEnd) return false;
  const after = value.slice(selectionStart);
  if (after === "") return true;
  const line = value.slice(value.lastIndexOf("\n", selectionStart - 1) + 1);
  return !after.includes("\n") && fits(element, line);
}
