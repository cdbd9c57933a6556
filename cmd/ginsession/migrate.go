package main

import (
	"context"
	"flag"
	"fmt"

	"github.com/ginsession/ginsession"
)

var migrateCommand = command{
	name:    "migrate",
	summary: "create the sessions table, or bring an older one up to date",
	text: `Creates the sessions table if it is missing, and adds the columns and indexes
that a table of an earlier version lacks. It changes no other table and may
run again at any time. A missing SQLite file is created.

Sites that call ginsession.Migrate when they start do not need this command.
If it creates django_session before Django does, run Django's own migration
with --fake-initial.

Only the engines db and cached_db have a table.`,
	examples: `  DATABASE_URL=sqlite:app.db ginsession migrate
  ginsession migrate --dsn postgres://app@db/shop --table shop_session
`,
	prepare: prepareMigrate,
}

func prepareMigrate(flags *flag.FlagSet) action {
	var f siteFlags
	f.registerTable(flags)
	return func(ctx context.Context, e *environment, _ []string) error {
		en, err := f.chosen()
		if err != nil {
			return err
		}
		if !en.has("table") {
			_, err := fmt.Fprintf(e.stdout, "There is nothing to migrate: --engine=%s keeps sessions in %s.\n", en.name, en.where)
			return err
		}
		db, err := openDatabase(ctx, f.dsnFrom(e), true)
		if err != nil {
			return err
		}
		defer closeDatabase(db)
		if err := ginsession.Migrate(db, ginsession.TableName(f.table)); err != nil {
			return err
		}
		_, err = fmt.Fprintf(e.stdout, "The table %s is ready.\n", f.table)
		return err
	}
}
