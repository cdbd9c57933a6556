package sqlpool

import "gorm.io/gorm"

// Source returns db for statements on the primary, reads and transactions too. The plugin
// dbresolver otherwise sends reads to a replica, and begins transactions on the connection that
// GORM was opened with, even if its sources are other databases. Without that plugin db is only
// copied.
//
// Source: dbresolver's clause Write, whose package is not imported here.
func Source(db *gorm.DB) *gorm.DB {
	db = db.Set("gorm:db_resolver:write", struct{}{})
	if resolve := db.Callback().Query().Get("gorm:db_resolver"); resolve != nil {
		resolve(db)
	}
	return db
}
