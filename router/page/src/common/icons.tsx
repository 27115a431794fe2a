// The icons, drawn in strokes on 24 by 24. They are decoration: what a button does stands in its label.
import type { JSX } from "preact";

const paths = {
  logo: "M4 7l8-4 8 4M4 7v10l8 4 8-4V7M4 7l8 4 8-4M12 11v10M8 5l8 4M8 19V9",
  send: "M12 19V5M6 11l6-6 6 6",
  down: "M12 5v14M6 13l6 6 6-6",
  plus: "M12 5v14M5 12h14",
  copy: "M9 9h10v11H9zM5 15V4h10",
  check: "M5 12.5l4.5 4.5L19 7",
  retry: "M4 12a8 8 0 1 0 2.6-5.9M4 4v4.5h4.5",
  info: "M12 11v5M12 8v.01M12 3a9 9 0 1 1 0 18 9 9 0 0 1 0-18",
  edit: "M4 20h4L19 9l-4-4L4 16zM13 7l4 4",
  menu: "M4 7h16M4 12h16M4 17h16",
  more: "M5 12v.01M12 12v.01M19 12v.01",
  search: "M11 4a7 7 0 1 1 0 14 7 7 0 0 1 0-14M16 16l4.5 4.5",
  close: "M6 6l12 12M18 6L6 18",
  chart: "M4 20V10M10 20V4M16 20v-7M21 20H3",
  chat: "M4 5h16v11H9l-5 4z",
  gear: "M12 9a3 3 0 1 1 0 6 3 3 0 0 1 0-6M12 2.5v3M12 18.5v3M2.5 12h3M18.5 12h3M5.3 5.3l2.1 2.1M16.6 16.6l2.1 2.1M5.3 18.7l2.1-2.1M16.6 7.4l2.1-2.1",
  moon: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z",
  sun: "M12 8a4 4 0 1 1 0 8 4 4 0 0 1 0-8M12 2.5v2M12 19.5v2M2.5 12h2M19.5 12h2M5.3 5.3l1.4 1.4M17.3 17.3l1.4 1.4M5.3 18.7l1.4-1.4M17.3 6.7l1.4-1.4",
  out: "M10 4H5v16h5M15 8l4 4-4 4M9 12h10",
  key: "M14.5 4a5.5 5.5 0 1 1 0 11 5.5 5.5 0 0 1 0-11M10.5 13.5L4 20M6.5 17.5l2.5 2.5",
  trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13M10.5 11v5M13.5 11v5",
  external: "M14 5h5v5M19 5l-9 9M17 14v5H5V7h5",
};

export type IconName = keyof typeof paths;

export function Icon({ name, weight = 1.8 }: { name: IconName; weight?: number }): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width={weight} stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">
      <path d={paths[name]} />
    </svg>
  );
}

/** A filled square: stops what is under way. */
export function StopIcon(): JSX.Element {
  return (
    <svg viewBox="0 0 24 24" aria-hidden="true">
      <rect x="6.5" y="6.5" width="11" height="11" rx="2.5" fill="currentColor" />
    </svg>
  );
}
