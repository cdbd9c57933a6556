package ginsession_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/enginetest"
)

func TestDBStore(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		enginetest.Store(t, func(t *testing.T) ginsession.Store {
			return openStore(t, ginsession.Config{Engine: ginsession.DB(db, ginsession.TableName(newTable(t, db)))})
		})
	})
}

// openStore opens an engine and returns its store.
func openStore(t *testing.T, cfg ginsession.Config) ginsession.Store {
	t.Helper()
	store, err := ginsession.OpenStore(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestDBEngine(t *testing.T) {
	forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
		enginetest.Engine(t, func(t *testing.T) ginsession.Engine {
			return ginsession.DB(db, ginsession.TableName(newTable(t, db)))
		})
	})
}
