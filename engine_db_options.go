package ginsession

import (
	"reflect"
	"strings"
	"time"

	"gorm.io/gorm"
)

// This file has the options of DB, CachedDB and Migrate, and what they refuse.

// A DBOption says how the sessions table differs from what [Model] says.
type DBOption func(*dbOptions)

type dbOptions struct {
	table string
	model any
	fill  func(data map[string]any) map[string]any

	cacheMaxAge *time.Duration // CachedDB's; nil if not given
}

// TableName chooses another table than gin_session. A naming strategy's prefix is not applied.
// Django's table, django_session, needs HashKeys off; see [ForDjango].
func TableName(name string) DBOption {
	return func(o *dbOptions) { o.table = name }
}

// Columns adds columns to the table, so that sessions can be looked up by what is in them.
// model is a pointer to a struct that embeds [Model]; fill computes its other columns, by their
// database names, from a session's data, whenever that is saved. A column that it leaves out
// becomes NULL. Source: Django's create_model_instance.
func Columns(model any, fill func(data map[string]any) map[string]any) DBOption {
	return func(o *dbOptions) { o.model, o.fill = model, fill }
}

func newDBOptions(options []DBOption) dbOptions {
	var o dbOptions
	for _, option := range options {
		option(&o)
	}
	if o.table == "" {
		o.table = ownTable
	}
	if o.model == nil && o.fill == nil {
		o.model = &Model{}
		if o.table == djangoTable {
			o.model = &djangoModel{}
		}
	}
	return o
}

// hasOwner reports whether the table has the column owner: Django's has not.
func (o dbOptions) hasOwner() bool { return o.table != djangoTable }

// checkNotCached reports options that do nothing without a cache.
func (o dbOptions) checkNotCached(function string) error {
	if o.cacheMaxAge != nil {
		return configError("Engine", "CacheMaxAge: %s keeps no cache: give the option to CachedDB only", function)
	}
	return nil
}

// copyLife returns how old copies in the cache may get.
func (o dbOptions) copyLife() (time.Duration, error) {
	switch {
	case o.cacheMaxAge == nil:
		return defaultCacheMaxAge, nil
	case *o.cacheMaxAge < time.Second || *o.cacheMaxAge > defaultCacheMaxAge:
		return 0, configError("Engine", "CacheMaxAge %v is out of range: use %v to %v", *o.cacheMaxAge, time.Second, defaultCacheMaxAge)
	default:
		return *o.cacheMaxAge, nil
	}
}

// check reports what keeps db and the options from being used.
func (o dbOptions) check(db *gorm.DB) error {
	switch {
	case db == nil || db.Config == nil || db.Statement == nil:
		return configError("Engine", "the *gorm.DB is nil: open it with gorm.Open")
	case db.Error != nil:
		return configError("Engine", "the *gorm.DB carries an error: %v", db.Error)
	}
	if _, inTransaction := db.Statement.ConnPool.(gorm.TxCommitter); inTransaction {
		return configError("Engine", "the *gorm.DB is inside a transaction: give the one that gorm.Open returned")
	}
	if _, ok := dialects[db.Name()]; !ok {
		return configError("Engine", "the database %q is not supported: use sqlite, postgres or mysql", db.Name())
	}
	return o.checkTable(db.Name())
}

// checkTable reports a name that GORM would not quote as one table's, or whose indexes it cannot
// make.
func (o dbOptions) checkTable(database string) error {
	qualifiers := strings.Count(o.table, ".")
	switch {
	case strings.ContainsAny(o.table, "?@`\""):
		return configError("Engine", "TableName %q: use a name without ?, @ and quotes", o.table)
	case database == "sqlite" && qualifiers > 0:
		return configError("Engine", "TableName %q: SQLite attaches a file to one connection only: open that file with gorm.Open, and use a name without a dot", o.table)
	case qualifiers > 1:
		return configError("Engine", "TableName %q: use the table's name, or its schema's and its own", o.table)
	}
	return nil
}

// extraColumns lists the database names of the columns beyond [Model]'s, in the struct's order.
func (o dbOptions) extraColumns(db *gorm.DB) ([]string, error) {
	stmt := &gorm.Statement{DB: db}
	if err := stmt.Parse(o.model); err != nil {
		return nil, configError("Engine", "Columns: %v", err)
	}
	own := map[string]bool{"session_key": true, "session_data": true, "expire_date": true}
	var extra []string
	for _, name := range stmt.Schema.DBNames {
		if !own[name] && name != ownerColumn {
			extra = append(extra, name)
		}
		delete(own, name)
	}
	if len(own) > 0 {
		return nil, configError("Engine", "Columns: the model must embed ginsession.Model")
	}
	if owner := stmt.Schema.LookUpField(ownerColumn); owner != nil && owner.OwnerSchema == nil && stmt.Schema.ModelType != reflect.TypeFor[Model]() {
		return nil, configError("Engine", "Columns: the column owner is the library's own, which SignIn fills: give yours another name")
	}
	if len(extra) == 0 && o.fill != nil {
		return nil, configError("Engine", "Columns: the model has no column beyond ginsession.Model's: add one, or leave the option out")
	}
	if len(extra) > 0 && o.fill == nil {
		return nil, configError("Engine", "Columns: the function that fills them is nil")
	}
	return extra, nil
}
