package ginsession

import "time"

// Model is the one table that the [DB] and [CachedDB] engines need: the columns of Django's
// django_session, and the owner. [Migrate] makes it; db.AutoMigrate(&ginsession.Model{}) does too.
//
// It may be embedded in a struct with columns of your own: see [Columns].
type Model struct {
	// SessionKey is the digest of the key that the cookie carries, or with HashKeys off the
	// key itself.
	SessionKey string `gorm:"column:session_key;type:varchar(40);primaryKey"`

	// SessionData is the record: JSON, signed if Config.SecretKey is set. Its size has no
	// limit, even if GORM has a default size for strings.
	SessionData string `gorm:"column:session_data;size:-1;not null"`

	// ExpireDate is the moment from which the session is treated as absent.
	ExpireDate time.Time `gorm:"column:expire_date;not null;precision:6;index"`

	// Owner is who has signed in (see [Session.SignIn]), or NULL.
	Owner *string `gorm:"column:owner;type:varchar(255);index:,where:owner IS NOT NULL"`
}

// djangoModel is the table that Django makes.
type djangoModel struct {
	SessionKey  string    `gorm:"column:session_key;type:varchar(40);primaryKey"`
	SessionData string    `gorm:"column:session_data;size:-1;not null"`
	ExpireDate  time.Time `gorm:"column:expire_date;not null;precision:6;index"`
}

// The names of tables: ours, and Django's.
const (
	ownTable    = "gin_session"
	djangoTable = "django_session"
)

// TableName is "gin_session"; the option [TableName] chooses another.
func (Model) TableName() string { return ownTable }
