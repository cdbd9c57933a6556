package ginsession

import (
	"errors"
	"fmt"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"github.com/ginsession/ginsession/internal/deadline"
	"github.com/ginsession/ginsession/internal/sqlpool"
)

// Migrate makes the sessions table where it is missing, and adds what one of an earlier version
// or without your [Columns] lacks. Call it once before serving, with the options that you give
// to [DB]. It may run again, and in several processes at once; other tables, and a
// django_session that Django has made, it leaves as they are.
//
// If it makes django_session before Django does, Django needs "migrate --fake-initial".
func Migrate(db *gorm.DB, options ...DBOption) error {
	o := newDBOptions(options)
	if err := o.check(db); err != nil {
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
	migrator := db.Migrator()
	if !migrator.HasTable(o.table) {
		return db.Migrator().CreateTable(o.model)
	}
	stmt := &gorm.Statement{DB: db}
	if err := stmt.ParseWithSpecialTableName(o.model, o.table); err != nil {
		return err
	}
	for _, name := range stmt.Schema.DBNames {
		if migrator.HasColumn(o.model, name) {
			continue
		}
		if err := migrator.AddColumn(o.model, name); err != nil {
			return err
		}
	}
	return addIndexes(db, o, stmt)
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
		if len(index.Fields) > 0 && indexed[index.Fields[0].DBName] {
			continue
		}
		if err := db.Migrator().CreateIndex(o.model, index.Name); err != nil {
			return err
		}
	}
	return nil
}
