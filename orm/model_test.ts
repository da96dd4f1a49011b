import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseError, integer, model, table, text } from "./mod.ts";

Deno.test("`model()` gives rows methods and keeps their columns", () => {
  const users = table("users", { id: integer().primaryKey(), name: text().notNull() });
  class User extends model(users) {
    get label(): string {
      return `${this.id} ${this.name}`;
    }
  }
  const [user] = User.of([{ id: 1, name: "Ada" }]);
  assertEquals(user instanceof User, true);
  assertEquals(user?.label, "1 Ada");
  assertEquals({ ...user }, { id: 1, name: "Ada" });
  assertEquals(User.table, users);
});

Deno.test("`model()` refuses columns that would hide what every object has", () => {
  const strange = table("strange", { constructor: text(), __proto: text() });
  assertThrows(() => model(strange), DatabaseError);
});
