/** The query of a request: names and values in order. Go's url.Values. */

export class Query {
  private readonly fields: readonly (readonly [name: string, value: string])[];

  constructor(text: string) {
    this.fields = text
      .split("&")
      .filter((field) => field !== "")
      .map((field) => {
        const equals = field.indexOf("=");
        return equals < 0 ? [decode(field), ""] : [decode(field.slice(0, equals)), decode(field.slice(equals + 1))];
      });
  }

  /** The first value; undefined where there is none. */
  get(name: string): string | undefined {
    return this.fields.find(([field]) => field === name)?.[1];
  }

  all(name: string): string[] {
    return this.fields.filter(([field]) => field === name).map(([, value]) => value);
  }
}

function decode(text: string): string {
  const spaced = text.replaceAll("+", " ");
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
