/** How charts look on a light page and on a dark one. Pure. */

/** Without quotes: the library writes them into attributes as they are. */
const font = 'system-ui, Segoe UI, DejaVu Sans, sans-serif';

export const lightTheme = themeOf({ ground: '#ffffff', ink: '#1f2933', faintInk: '#52606d', grid: '#e4e7eb' });
/** On the ground of the page, which is its browser's. */
export const darkTheme = themeOf({ ground: 'transparent', ink: '#e4e7eb', faintInk: '#9aa5b1', grid: '#323f4b' });

type Inks = { readonly ground: string; readonly ink: string; readonly faintInk: string; readonly grid: string };

function themeOf({ ground, ink, faintInk, grid }: Inks) {
  const axis = {
    axisLine: { lineStyle: { color: faintInk } },
    axisTick: { lineStyle: { color: faintInk } },
    axisLabel: { color: faintInk },
    nameTextStyle: { color: ink },
    splitLine: { lineStyle: { color: grid } },
  };
  return {
    backgroundColor: ground,
    textStyle: { fontFamily: font, color: ink },
    title: {
      textStyle: { color: ink, fontSize: 15, fontWeight: 600 },
      subtextStyle: { color: faintInk, fontSize: 12 },
    },
    legend: { textStyle: { color: ink } },
    bar: { label: { color: ink } },
    valueAxis: axis,
    logAxis: axis,
    categoryAxis: axis,
  };
}
