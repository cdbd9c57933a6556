package ginsession_test

import (
	"testing"

	"gorm.io/gorm"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/cache/memory"
	"github.com/ginsession/ginsession/enginetest"
)

// The stores of these engines find what the records' Owner says. That of File reads the records themselves.
func TestOwnerStores(t *testing.T) {
	prove := func(t *testing.T, open func(t *testing.T) ginsession.Engine) {
		t.Helper()
		enginetest.OwnerStore(t, func(t *testing.T) ginsession.OwnerStore {
			return openStore(t, ginsession.Config{Engine: open(t)}).(ginsession.OwnerStore)
		})
	}
	t.Run("db", func(t *testing.T) {
		forEachEmptyDB(t, func(t *testing.T, db *gorm.DB) {
			prove(t, func(t *testing.T) ginsession.Engine { return ginsession.DB(db, ginsession.TableName(newTable(t, db))) })
		})
	})
	t.Run("cached_db", func(t *testing.T) {
		prove(t, func(t *testing.T) ginsession.Engine {
			db := openSQLite(t)
			return ginsession.CachedDB(db, memory.New(), ginsession.TableName(newTable(t, db)))
		})
	})
	t.Run("memory", func(t *testing.T) {
		prove(t, func(*testing.T) ginsession.Engine { return ginsession.Cached(memory.New()) })
	})
	t.Run("redis", func(t *testing.T) {
		prove(t, func(t *testing.T) ginsession.Engine { return ginsession.Cached(openRedis(t)) })
	})
}
