package main

import (
	"context"
	"errors"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/gin-gonic/gin"
	"golang.org/x/crypto/bcrypt"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"github.com/ginsession/ginsession"
	"github.com/ginsession/ginsession/messages"
)

// An account is a customer who can sign in.
type account struct {
	Name     string `gorm:"primaryKey;size:100"`
	Password string `gorm:"size:60"` // its bcrypt hash
}

// demoAccounts have the passwords that the sign-in page shows.
var demoAccounts = []account{
	{"demo", "$2a$10$wvigOnNx7B2lI9SbRMyxieML5kAceqbBbEacF4vQqPZybk1ichnJK"},
	{"ada", "$2a$10$eM9FKXufv5sZRVq7Y65e4.c1NAA.B7VmpdIwP.AG4ZLeZp4.MRF7O"},
}

// createAccounts adds accounts. One that is there keeps its password.
func createAccounts(db *gorm.DB, accounts []account) error {
	if err := db.AutoMigrate(&account{}); err != nil {
		return err
	}
	return db.Clauses(clause.OnConflict{DoNothing: true}).Create(&accounts).Error
}

// authenticate returns the account that has this name and password, or nil if there is none. It
// takes equally long for an unknown name, so its timing does not tell which names exist.
func (s *shop) authenticate(ctx context.Context, name, password string) (*account, error) {
	found := account{Password: s.accounts[0].Password}
	err := s.db.WithContext(ctx).Where("name = ?", name).Take(&found).Error
	unknown := errors.Is(err, gorm.ErrRecordNotFound)
	if err != nil && !unknown {
		return nil, err
	}
	if bcrypt.CompareHashAndPassword([]byte(found.Password), []byte(password)) != nil || unknown {
		return nil, nil
	}
	return &found, nil
}

// accountsFailed answers a request whose account could not be read or changed.
func (s *shop) accountsFailed(c *gin.Context) {
	s.refuse(c, http.StatusServiceUnavailable, "Back in a moment", "We cannot look up your account at the moment. Please try again in a few seconds.")
}

// freshFor is how long after the password was asked for it is not asked for again.
const freshFor = 10 * time.Minute

// requireRecent asks for the password of a customer whose sign-in is older than freshFor, because
// somebody else may have sat down at the computer, and then shows page.
func (s *shop) requireRecent(page string) gin.HandlerFunc {
	return ginsession.RequireRecent(freshFor, func(c *gin.Context) { seeOther(c, "/confirm"+page) })
}

func (s *shop) showConfirm(c *gin.Context) { s.render(c, http.StatusOK, "confirm", "Is it you?", "") }

// confirm checks the password of a customer who is signed in, and redirects to page.
func (s *shop) confirm(page string) gin.HandlerFunc {
	return func(c *gin.Context) {
		session := ginsession.Get(c)
		known, err := s.authenticate(c.Request.Context(), session.Owner(), c.PostForm("password"))
		if err != nil {
			s.accountsFailed(c)
			return
		}
		if known == nil {
			s.render(c, http.StatusUnauthorized, "confirm", "Is it you?", "The password is wrong.")
			return
		}
		session.Reauthenticate()
		seeOther(c, page)
	}
}

func (s *shop) showPassword(c *gin.Context) {
	s.render(c, http.StatusOK, "password", "New password", "")
}

// passwordProblem returns why a new password cannot be taken, or "".
func passwordProblem(password, again string) string {
	switch {
	case utf8.RuneCountInString(password) < 8:
		return "It needs 8 characters or more."
	case len(password) > 72: // bcrypt's limit
		return "It is too long: 72 plain letters are the limit."
	case password != again:
		return "They are not the same."
	}
	return ""
}

// changePassword also signs the customer out everywhere else: whoever knew the old password may be
// signed in. The new key ends what a copy of this browser's cookie was good for.
func (s *shop) changePassword(c *gin.Context) {
	session := ginsession.Get(c)
	password := c.PostForm("new")
	if problem := passwordProblem(password, c.PostForm("again")); problem != "" {
		s.render(c, http.StatusBadRequest, "password", "New password", problem)
		return
	}
	hash, err := bcrypt.GenerateFromPassword([]byte(password), s.hashCost)
	if err == nil {
		err = s.db.WithContext(c.Request.Context()).Model(&account{Name: session.Owner()}).Update("password", string(hash)).Error
	}
	if err != nil {
		s.accountsFailed(c)
		return
	}
	// Before CycleKey, whose new ID the store does not know yet.
	if _, err := s.sessions.EndSessionsOf(c, session.Owner(), session.ID()); err != nil {
		notify(c, messages.Warning, "Your password is changed, but you may still be signed in elsewhere.") // see showDevices
	} else {
		notify(c, messages.Success, "Your password is changed, and you are signed out everywhere else.")
	}
	if session.CycleKey() != nil {
		return // answered by sessionFailed
	}
	seeOther(c, "/devices")
}
