/** A column as the database describes it. */
export interface ColumnDescription {
  /** Its name. */
  readonly name: string;
  /** Its type, as the database writes it. */
  readonly type: string;
  /** Whether NULL is refused. */
  readonly notNull: boolean;
  /** The expression of its default, as SQL; of a generated column its expression. */
  readonly default: string | null;
  /** Its place in the primary key from 1; 0 where it is not in it. */
  readonly primaryKey: number;
  /** Whether the database computes it. */
  readonly generated: boolean;
  /** Whether it numbers itself by an identity; not told by SQLite. */
  readonly identity?: boolean;
}

/** A foreign key of one column. */
export interface ReferenceDescription {
  /** The column here. */
  readonly column: string;
  /** The table there. */
  readonly table: string;
  /** The column there; the primary key where it is null. */
  readonly target: string | null;
  /** What happens when the target is deleted: `CASCADE`, `SET NULL` …; null for nothing. */
  readonly onDelete: string | null;
  /** What happens when the target's key changes; null for nothing. */
  readonly onUpdate: string | null;
}

/** A constraint that has a name of its own. */
export interface ConstraintDescription {
  /** `primary key`, `unique`, `check` or `foreign key`. */
  readonly type: string;
  /** Its definition, as the database writes it. */
  readonly sql: string;
  /** The columns here. */
  readonly columns: readonly string[];
  /** The table that a foreign key leads to. */
  readonly target: string | null;
}

/** A table as the database describes it. */
export interface TableDescription {
  /** Its name. */
  readonly name: string;
  /** The statement that makes it; on PostgreSQL without its constraints. */
  readonly sql: string;
  /** Its columns, in order. */
  readonly columns: readonly ColumnDescription[];
  /** Its foreign keys. */
  readonly references: readonly ReferenceDescription[];
  /** The statements of its indexes by their names. */
  readonly indexes: ReadonlyMap<string, string>;
  /** Its constraints by their names; empty on SQLite, where they are in the statement. */
  readonly constraints: ReadonlyMap<string, ConstraintDescription>;
}

/** A view or a trigger. */
export interface OtherDescription {
  /** `view` or `trigger`. */
  readonly type: string;
  /** The trigger's table; the view's own name. */
  readonly table: string;
  /** The statement that made it. */
  readonly sql: string;
}

/** What a database holds, without the rows. */
export interface SchemaDescription {
  /** The tables by their names. */
  readonly tables: ReadonlyMap<string, TableDescription>;
  /** The views and the triggers by their names. */
  readonly others: ReadonlyMap<string, OtherDescription>;
}

/** What was renamed. Without it, a new name is a new thing and the old one's rows are dropped. */
export interface Renames {
  /** New names of tables by their old ones. */
  tables?: Readonly<Record<string, string>>;
  /** New names of columns by `table.column`, with the table's new name and the column's old one. */
  columns?: Readonly<Record<string, string>>;
}

/** The way from one schema to another. */
export interface SchemaDiff {
  /** The statements; empty where there is nothing to do. */
  readonly statements: readonly string[];
  /** What is lost for good, in words. */
  readonly losses: readonly string[];
}
