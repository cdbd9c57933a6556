package ginsession_test

import (
	"errors"
	"sync"
	"testing"
	"time"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
)

// ownerless is the table of the version before owners.
type ownerless struct {
	SessionKey  string    `gorm:"column:session_key;type:varchar(40);primaryKey"`
	SessionData string    `gorm:"column:session_data;size:-1;not null"`
	ExpireDate  time.Time `gorm:"column:expire_date;not null;precision:6;index"`
}

// Requests go on while Migrate adds the column owner to a table of the version before, and sessions
// from before can be signed in to. Until then, signing in says what to do and changes nothing.
func TestMigrateAddsOwners(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		table := newTableName(t, db)
		if err := db.Table(table).AutoMigrate(&ownerless{}); err != nil {
			t.Fatal(err)
		}
		d, owner := ownerDesk(t, ginsession.DB(db, ginsession.TableName(table))), newOwner()
		early := d.session(t, "")
		early.Set("n", 0)
		save(t, early)
		refused := d.session(t, early.Key())
		check(t, "SignIn", refused.SignIn(owner), error(nil))
		err := refused.Save()
		check(t, "its Save", errors.Is(err, ginsession.ErrUnavailable), true)
		checkContains(t, err.Error(), "run ginsession.Migrate")

		var traffic sync.WaitGroup
		stop := make(chan struct{})
		for range 4 {
			traffic.Go(func() {
				for n := 0; ; n++ {
					s := d.session(t, early.Key())
					s.Set("n", n)
					if err := s.Save(); err != nil {
						t.Error("a request beside Migrate:", err)
						return
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			})
		}
		migrate(t, db, ginsession.TableName(table))
		close(stop)
		traffic.Wait()

		s := d.session(t, early.Key())
		check(t, "what was saved", s.Has("n"), true)
		check(t, "SignIn", s.SignIn(owner), error(nil))
		save(t, s)
		check(t, "the owner's sessions", idsOf(t, d, owner), []string{s.ID()})
		before := schemaOf(t, db, table)
		migrate(t, db, ginsession.TableName(table))
		check(t, "the schema after migrating again", schemaOf(t, db, table), before)
		checkContains(t, before, "owner")
	})
}

// A column of the program's own that is called owner would be filled by two.
func TestColumnNamedOwner(t *testing.T) {
	type row struct {
		ginsession.Model
		Owner string `gorm:"column:owner"`
	}
	fill := func(map[string]any) map[string]any { return nil }
	_, err := ginsession.NewManager(ginsession.Config{Engine: ginsession.DB(openSQLite(t), ginsession.Columns(&row{}, fill))})
	if !errors.Is(err, ginsession.ErrConfig) {
		t.Fatal("NewManager:", err)
	}
	checkContains(t, err.Error(), "owner", "another name")
}
