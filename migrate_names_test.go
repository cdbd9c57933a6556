package ginsession_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// TestMigrateInAnotherSchema has the table outside the connection's own schema, which MySQL calls
// a database.
func TestMigrateInAnotherSchema(t *testing.T) {
	for name, open := range map[string]func(*testing.T, ...gorm.Option) *gorm.DB{"postgres": openPostgres, "mysql": openMySQL} {
		t.Run(name, func(t *testing.T) {
			db := open(t)
			schema := "s_" + strings.ToLower(rand.Text()[:12])
			dbExec(t, db, "CREATE SCHEMA "+schema)
			t.Cleanup(func() {
				dbExec(t, db, "DROP SCHEMA "+schema+map[string]string{"postgres": " CASCADE"}[db.Name()])
			})
			table := ginsession.TableName(schema + ".sessions")
			for range 2 {
				migrate(t, db, table)
			}
			worksOn(t, db, schema+".sessions")
			for range 2 {
				migrate(t, db, table, ginsession.Columns(&accountSession{}, accountColumns))
			}
			var accounts int64
			if err := db.Table(schema + ".sessions").Where("account_id IS NULL AND number_of_visits = 0").Count(&accounts).Error; err != nil {
				t.Error(err)
			}
			check(t, "rows from before the new columns", accounts, int64(1))
		})
	}
}

func TestDBRefusesTableNames(t *testing.T) {
	for _, c := range []struct {
		open  func(*testing.T, ...gorm.Option) *gorm.DB
		table string
	}{
		{openSQLite, "main.sessions"},
		{openPostgres, "database.schema.sessions"},
		{openMySQL, "database.schema.sessions"},
		{openSQLite, "a?b"},
		{openMySQL, "a@b"},
	} {
		db := c.open(t)
		_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(c.table))})
		for name, err := range map[string]error{"NewManager": err, "Migrate": ginsession.Migrate(db, ginsession.TableName(c.table))} {
			if !errors.Is(err, ginsession.ErrConfig) || !strings.Contains(err.Error(), c.table) {
				t.Errorf("%s with the table %s on %s: %v; want an ErrConfig that names it", name, c.table, db.Name(), err)
			}
		}
	}
}
