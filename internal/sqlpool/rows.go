package sqlpool

import (
	"cmp"
	"database/sql"

	"gorm.io/gorm"
)

// A Row is a *sql.Row or the current one of *sql.Rows.
type Row interface{ Scan(dest ...any) error }

// FirstRow scans the first row of a query through GORM, or returns sql.ErrNoRows. GORM's own Row
// panics if it prepares statements and one cannot be prepared, as when the context has ended.
func FirstRow(query *gorm.DB, scan func(Row) error) error {
	rows, err := query.Rows()
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		return cmp.Or(rows.Err(), sql.ErrNoRows)
	}
	if err := scan(rows); err != nil {
		return err
	}
	return rows.Close()
}
