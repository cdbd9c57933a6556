package ginsession

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/deadline"
	"github.com/ginsession/ginsession/internal/sqlpool"
)

// Migrate creates the sessions table if it is missing, and adds what a table of an earlier version
// or without your [Columns] lacks. Call it once before serving, with the options that you give
// to [DB]. It may run again, and in several processes at once; it leaves other tables, and a
// django_session that Django has made, as they are.
//
// If it makes django_session before Django does, Django needs "migrate --fake-initial".
//
// Errors: [ErrConfig] for a database or an option that cannot be used; those of the database.
func Migrate(db *gorm.DB, options ...DBOption) error {
	o := newDBOptions(options)
	if err := errors.Join(o.checkNotCached("Migrate"), o.check(db)); err != nil {
		return err
	}
	if _, err := o.extraColumns(db); err != nil {
		return err
	}
	db = db.Session(&gorm.Session{NewDB: true, Logger: logger.Discard})
	// Processes that migrate at once trip over each other's statements, each of which is one
	// that the other no longer needs.
	const attempts = 5
	var err error
	for i := range attempts {
		if err = migrate(sqlpool.Source(db.Table(o.table)), o); err == nil {
			return nil
		}
		if ctxErr := deadline.Sleep(db.Statement.Context, time.Duration(i)*20*time.Millisecond); ctxErr != nil {
			return errors.Join(err, ctxErr)
		}
	}
	return fmt.Errorf("ginsession: migrating the table %s: %w", o.table, err)
}

func migrate(db *gorm.DB, o dbOptions) error {
	columns, err := columnsOf(db)
	if isMissingTable(err) {
		return db.Migrator().CreateTable(o.model)
	}
	if err != nil {
		return err
	}
	stmt := &gorm.Statement{DB: db}
	if err := stmt.ParseWithSpecialTableName(o.model, db.Statement.Table); err != nil {
		return err
	}
	for _, name := range stmt.Schema.DBNames {
		if slices.Contains(columns, name) || name == ownerColumn && !o.hasOwner() {
			continue
		}
		if err := db.Migrator().AddColumn(o.model, name); err != nil {
			return err
		}
	}
	return addIndexes(db, o, stmt)
}

// columnsOf lists the columns of db's table. GORM's migrators look for tables and columns in
// catalogues, and some of them do so in the connection's own schema only.
func columnsOf(db *gorm.DB) ([]string, error) {
	rows, err := db.Session(&gorm.Session{}).Where("1 = 0").Rows()
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	return rows.Columns()
}

// addIndexes adds the indexes whose columns have none yet: Django's is there under another name.
func addIndexes(db *gorm.DB, o dbOptions, stmt *gorm.Statement) error {
	indexes, err := db.Migrator().GetIndexes(o.table)
	if err != nil {
		return err
	}
	indexed := map[string]bool{}
	for _, index := range indexes {
		if columns := index.Columns(); len(columns) > 0 {
			indexed[columns[0]] = true
		}
	}
	for _, index := range stmt.Schema.ParseIndexes() {
		if len(index.Fields) == 0 || indexed[index.Fields[0].DBName] || index.Fields[0].DBName == ownerColumn && !o.hasOwner() {
			continue
		}
		if err := db.Migrator().CreateIndex(o.model, index.Name); err != nil {
			return err
		}
	}
	return nil
}
