package ginsession

import (
	"time"

	"github.com/ginsession/ginsession/internal/sqlpool"
	"github.com/ginsession/ginsession/internal/textdate"
)

// date returns t as the database stores it.
func (s *dbStore) date(t time.Time) any {
	if s.dialect.textDates {
		return textdate.Format(t.In(s.zone))
	}
	return t.UTC()
}

// moment returns now to be compared with what is stored.
func (s *dbStore) moment(now time.Time) any {
	if s.dialect.textDates {
		return textdate.Moment(now.In(s.zone))
	}
	return now.UTC()
}

// scan reads a row of the load statement, or returns its error and no record.
func (s *dbStore) scan(row sqlpool.Row) (Record, error) {
	var columns struct {
		data, text string
		date       time.Time
	}
	var err error
	if s.dialect.textDates {
		if err = row.Scan(&columns.data, &columns.text); err == nil {
			columns.date, err = textdate.Parse(columns.text, s.zone)
		}
	} else {
		err = row.Scan(&columns.data, &columns.date)
	}
	if err != nil {
		return Record{}, err
	}
	return Record{Data: bytesOf(columns.data), Expires: columns.date}, nil
}
