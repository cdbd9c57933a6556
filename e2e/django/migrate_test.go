package django_test

import (
	"fmt"
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// TestMigrateFirst has ginsession.Migrate make the table before Django's migrations run.
func TestMigrateFirst(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			db, setting := database.open(t)
			migrate(t, db)
			p := startPair(t, backends[0], siteConfig{Database: setting, UseTZ: true, FakeInitial: true}, db)
			testSignIn(t, backends[0], p)
			testClear(t, backends[0], p)
		})
	}
}

// TestMigrateSecond runs ginsession.Migrate on the table that Django has made.
func TestMigrateSecond(t *testing.T) {
	for _, database := range databases {
		t.Run(database.name, func(t *testing.T) {
			db, setting := database.open(t)
			p := startPair(t, backends[0], siteConfig{Database: setting, UseTZ: true}, db)
			key := p.site.save(t, map[string]any{"k": "v"}, nil)
			before := schema(t, db)
			migrate(t, db)
			if after := schema(t, db); after != before {
				t.Errorf("the table was\n%s\nand is\n%s", before, after)
			}
			if got := p.site.load(t, key); got.Key != key {
				t.Error("a session is gone")
			}
		})
	}
}

func migrate(t *testing.T, db *gorm.DB) {
	t.Helper()
	if err := ginsession.Migrate(db, ginsession.TableName("django_session")); err != nil {
		t.Fatal(err)
	}
}

// schema describes the sessions table with its indexes.
func schema(t *testing.T, db *gorm.DB) string {
	t.Helper()
	query := map[string]string{
		"sqlite": "SELECT * FROM sqlite_master WHERE tbl_name = 'django_session' ORDER BY name",
		"mysql":  "SHOW CREATE TABLE django_session",
		"postgres": `SELECT column_name AS name, concat(data_type, character_maximum_length, is_nullable) AS text
			FROM information_schema.columns WHERE table_name = 'django_session'
			UNION SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'django_session' ORDER BY 1, 2`,
	}[db.Name()]
	var rows []map[string]any
	if err := db.Raw(query).Scan(&rows).Error; err != nil || len(rows) == 0 {
		t.Fatal(rows, err)
	}
	return fmt.Sprint(rows)
}
