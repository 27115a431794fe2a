// A component that is made anew only where what it is given differs. (Preact has this in preact/compat alone,
// with much else.)
import { Component, h } from "preact";
import type { ComponentType, VNode } from "preact";

export function memo<P extends object>(of: ComponentType<P>, isSame: (before: P, now: P) => boolean): ComponentType<P> {
  return class Memo extends Component<P> {
    override shouldComponentUpdate(next: P): boolean {
      return !isSame(this.props as P, next);
    }
    override render(): VNode {
      return h(of as ComponentType<object>, this.props) as VNode;
    }
  } as unknown as ComponentType<P>;
}
