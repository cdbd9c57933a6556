package sqlpool

import (
	"errors"
	"strings"
)

// RolledBack reports whether the database has undone a statement or transaction because another
// one was in its way. Nothing of it was done, and it can be tried again: one of them always gets
// through.
func RolledBack(err error) bool {
	if err == nil {
		return false
	}
	switch SQLState(err) {
	case "40001", "40P01": // PostgreSQL's serialization_failure and deadlock_detected
		return true
	}
	return IsMySQLError(err, "1213") // ER_LOCK_DEADLOCK
}

// MayBeStalePlan reports whether PostgreSQL may have refused a prepared statement because a
// column's type has changed since. The driver then prepares it anew, on this connection. The code
// is that of every feature_not_supported, so the caller must limit its tries.
func MayBeStalePlan(err error) bool { return SQLState(err) == "0A000" }

// SQLState returns the code of a PostgreSQL error, or "". No driver is imported here.
func SQLState(err error) string {
	var state interface{ SQLState() string }
	if errors.As(err, &state) {
		return state.SQLState()
	}
	return ""
}

// IsMySQLError reports whether err is the MySQL error of this number.
func IsMySQLError(err error, number string) bool {
	return err != nil && strings.HasPrefix(err.Error(), "Error "+number)
}
