/** What a terminal shows at one moment: rows of runs of text in one style. */

export type Run = {
  readonly column: number;
  readonly text: string;
  /** Of the 16 colours of a terminal; undefined for its own. */
  readonly color: number | undefined;
  readonly isBold: boolean;
  readonly isDim: boolean;
};

export type Screen = {
  /** Since the recording began. */
  readonly atMs: number;
  readonly rows: readonly (readonly Run[])[];
};

export type ScreenSize = { readonly columns: number; readonly rows: number };
