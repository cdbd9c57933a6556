package sqlpool

import (
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Exec runs stmt through GORM and returns how many rows it changed.
func Exec(db *gorm.DB, stmt *Statement, args []any) (int64, error) {
	result := db.Exec(stmt.Text, whole(args)...)
	return result.RowsAffected, result.Error
}

// Query returns stmt as a query through GORM, for [FirstRow].
func Query(db *gorm.DB, stmt *Statement, args []any) *gorm.DB {
	return db.Raw(stmt.Text, whole(args)...)
}

// whole has GORM bind each argument as one value, as a [Pool] does. GORM would make several of
// a slice, and SQL text of an expression.
func whole(args []any) []any {
	bound := make([]any, len(args))
	for i, arg := range args {
		bound[i] = argument{arg}
	}
	return bound
}

// An argument is an expression that consists of one placeholder.
type argument struct{ value any }

func (a argument) Build(builder clause.Builder) {
	stmt := builder.(*gorm.Statement)
	stmt.Vars = append(stmt.Vars, a.value)
	stmt.DB.Dialector.BindVarTo(stmt, stmt, a.value)
}
