// Where the log stands. It follows an answer's end until the reader moves up, and again once they are back
// at the end. What it writes itself it remembers, so that it is never taken for the reader's doing.

/** So near to the end following resumes, and the button goes. */
const NEAR = 60;
/** So far from it the button shows. */
const FAR = 200;
/** So near to the beginning older messages are loaded. */
const BEGINNING = 800;

export class Scroller {
  private follows = true;
  private written = 0;
  private height = 0;
  private readonly box: HTMLElement;
  private readonly observer: ResizeObserver;

  constructor(
    box: HTMLElement,
    private readonly content: HTMLElement,
    private readonly isFar: (far: boolean) => void,
    private readonly nearBeginning: () => void,
  ) {
    this.box = box;
    box.addEventListener("scroll", this.moved, { passive: true });
    box.addEventListener("wheel", this.turned, { passive: true });
    // Before the next paint: nothing is seen to jump.
    this.observer = new ResizeObserver(() => this.grown());
    this.observer.observe(box);
    this.observer.observe(content);
  }

  end(): void {
    this.observer.disconnect();
    this.box.removeEventListener("scroll", this.moved);
    this.box.removeEventListener("wheel", this.turned);
  }

  toEnd(): void {
    this.follows = true;
    this.giveRoom();
    this.write(this.box.scrollHeight);
    this.judge();
  }

  /** What was added above leaves what is read where it is. */
  added(heightBefore: number, topBefore: number): void {
    this.write(topBefore + this.box.scrollHeight - heightBefore);
  }

  private write(top: number): void {
    this.box.scrollTop = top;
    this.written = this.box.scrollTop;
    this.height = this.box.scrollHeight;
  }

  private get distance(): number {
    return this.box.scrollHeight - this.box.clientHeight - this.box.scrollTop;
  }

  /** How much there is below: the room that a fresh question has is nothing to see. */
  private get unseen(): number {
    const last = this.content.querySelector<HTMLElement>(".turn.fresh:last-child");
    const end = last?.lastElementChild?.getBoundingClientRect().bottom;
    if (!last || end === undefined) return this.distance;
    return this.distance - Math.max(0, last.getBoundingClientRect().bottom - end - parseFloat(getComputedStyle(last).paddingBottom));
  }

  private turned = (event: WheelEvent) => {
    if (event.deltaY < 0 && this.box.scrollHeight > this.box.clientHeight) this.follows = false;
  };

  private moved = () => {
    const by = this.box.scrollTop - this.written;
    // What became shorter may move it too.
    const isShorter = this.box.scrollHeight < this.height;
    if (Math.abs(by) >= 1) {
      if (by < 0 && !isShorter) this.follows = false;
      else if (by > 0 && this.distance <= NEAR) this.follows = true;
    }
    this.written = this.box.scrollTop;
    this.height = this.box.scrollHeight;
    this.judge();
    if (this.box.scrollTop < BEGINNING) this.nearBeginning();
  };

  /** The last question has all of the room. (A container query would lay out a thousand turns at each key.) */
  private giveRoom(): void {
    const last = this.content.querySelector<HTMLElement>(".turn.fresh:last-child");
    last?.style.setProperty("--room", `${this.box.clientHeight}px`);
  }

  private grown(): void {
    this.giveRoom();
    if (this.follows && this.distance > 0) this.write(this.box.scrollHeight);
    this.judge();
  }

  private far = false;
  private judge(): void {
    const unseen = this.unseen;
    const far = this.far ? unseen > NEAR : unseen >= FAR;
    if (far === this.far) return;
    this.far = far;
    this.isFar(far);
  }
}
