# SPDX-License-Identifier: BSD-3-Clause
# System::DateTime and TimeSpan. A DateTime is a Time, which has the members that scripts read.

class Time
  def Year = year
  def Month = month
  def Day = day
  def Hour = hour
  def Minute = min
  def Second = sec
  def Millisecond = usec / 1000
  def DayOfWeek = Tandem::DayOfWeek::ALL[wday]
  def DayOfYear = yday
  def Date = Time.new(year, month, day, 0, 0, 0, utc_offset)
  def TimeOfDay = System::TimeSpan.seconds((self - self.Date).to_f)
  def Ticks = (to_r * 10_000_000).to_i + 621_355_968_000_000_000
  def AddSeconds(n) = self + n
  def AddMinutes(n) = self + (n * 60)
  def AddHours(n) = self + (n * 3600)
  def AddDays(n) = self + (n * 86_400)
  def Add(span) = self + span.TotalSeconds
  def Subtract(other) = other.is_a?(Time) ? System::TimeSpan.seconds((self - other).to_f) : self - other.TotalSeconds
  def ToUniversalTime = getutc
  def ToLocalTime = getlocal
  def ToShortDateString = strftime('%m/%d/%Y')
  def ToShortTimeString = strftime('%H:%M')
  def ToString(format = nil) = format ? Tandem.net_time(self, format) : to_s
  Tandem::Names.spread(self, over: false)
end

module Tandem
  class DayOfWeek < Enum
    ALL = %w[Sunday Monday Tuesday Wednesday Thursday Friday Saturday].each_with_index.map { |name, i| new(name, i) }.freeze
    ALL.each { |day| const_set(day.name, day) }
  end

  NET_TIME = {
    'yyyy' => '%Y', 'yy' => '%y', 'MMMM' => '%B', 'MMM' => '%b', 'MM' => '%m', 'M' => '%-m',
    'dddd' => '%A', 'ddd' => '%a', 'dd' => '%d', 'd' => '%-d', 'HH' => '%H', 'H' => '%-H',
    'hh' => '%I', 'h' => '%-I', 'mm' => '%M', 'm' => '%-M', 'ss' => '%S', 's' => '%-S',
    'tt' => '%p', 'fff' => '%L', 'zzz' => '%:z'
  }.freeze

  def self.net_time(time, format)
    time.strftime(format.to_s.gsub('%', '%%').gsub(/yyyy|yy|M{1,4}|d{1,4}|HH?|hh?|mm?|ss?|tt|fff|zzz/, NET_TIME))
  end
end

module System
  DayOfWeek = Tandem::DayOfWeek

  module DateTime
    class << self
      def Now = Time.now
      def UtcNow = Time.now.utc
      def Today = Time.now.Date
      def Parse(text) = Time.parse(text.to_s)
      def new(*parts) = Time.new(*parts)
      Tandem::Names.spread(self)
    end
  end

  class TimeSpan
    include Comparable
    attr_reader :TotalSeconds

    def self.seconds(n) = allocate.tap { |span| span.instance_variable_set(:@TotalSeconds, n) }
    def self.FromSeconds(n) = seconds(n.to_f)
    def self.FromMinutes(n) = seconds(n * 60.0)
    def self.FromHours(n) = seconds(n * 3600.0)
    def self.FromDays(n) = seconds(n * 86_400.0)

    # TimeSpan.new([days,] hours, minutes, seconds)
    def initialize(*parts)
      days, hours, minutes, seconds = parts.length == 4 ? parts : [0, *parts]
      @TotalSeconds = ((days * 24 + hours) * 60 + minutes) * 60.0 + seconds
    end

    def TotalMinutes = @TotalSeconds / 60
    def TotalHours = @TotalSeconds / 3600
    def TotalDays = @TotalSeconds / 86_400
    def TotalMilliseconds = @TotalSeconds * 1000
    def Days = self.TotalDays.to_i
    def Hours = self.TotalHours.to_i % 24
    def Minutes = self.TotalMinutes.to_i % 60
    def Seconds = @TotalSeconds.to_i % 60
    def <=>(other) = @TotalSeconds <=> other.TotalSeconds
    def to_f = @TotalSeconds
    def to_s = format('%02d:%02d:%02d', self.TotalHours.to_i, self.Minutes, self.Seconds)
    alias ToString to_s
    Tandem::Names.spread(self)
  end
end
