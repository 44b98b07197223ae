# SPDX-License-Identifier: BSD-3-Clause
# The members of .NET's strings and lists that published scripts use. Ruby's own are never replaced.

module Kernel
  def ToString = to_s
  def Equals(other) = self == other
  def GetType = self.class
  alias to_string ToString
end

class String
  def Substring(from, count = nil) = (count ? self[from, count] : self[from..]) || ''
  def Length = length
  def Contains(part) = include?(part.to_s)
  def StartsWith(part) = start_with?(part.to_s)
  def EndsWith(part) = end_with?(part.to_s)
  def IndexOf(part, from = 0) = index(part.to_s, from) || -1
  def LastIndexOf(part) = rindex(part.to_s) || -1
  def ToUpper = upcase
  def ToLower = downcase
  def Trim(*chars) = TrimStart(*chars).TrimEnd(*chars)
  def TrimStart(*chars) = sub(/\A#{Tandem.trimmed(chars)}+/, '')
  def TrimEnd(*chars) = sub(/#{Tandem.trimmed(chars)}+\z/, '')
  def Replace(old, new) = gsub(old.to_s) { new.to_s }
  def Split(*marks) = split(Regexp.union(marks.flatten.map(&:to_s)), -1)
  def PadLeft(width, fill = ' ') = rjust(width, fill)
  def PadRight(width, fill = ' ') = ljust(width, fill)
  def Insert(at, part) = dup.insert(at, part)
  def Remove(from, count = length) = self[0, from] + (self[(from + count)..] || '')
  def CompareTo(other) = self <=> other
  def ToCharArray = chars
  def Chars(at) = self[at]
  def to_clr_string = self

  def self.IsNullOrEmpty(text) = text.nil? || text.to_s.empty?
  def self.IsNullOrWhiteSpace(text) = text.nil? || text.to_s.strip.empty?
  def self.Empty = ''
  def self.Join(mark, list) = list.join(mark)
  def self.Compare(one, other, _case = nil) = one.to_s <=> other.to_s
  def self.Concat(*parts) = parts.join

  # "{0} {1:00} {2,8}"
  def self.Format(shape, *values)
    shape.gsub(/\{(\d+)(?:,(-?\d+))?(?::([^}]*))?\}/) { Tandem.formatted(values[$1.to_i], $3).ljust(-$2.to_i).rjust($2.to_i) }
  end
  singleton_class.alias_method :is_null_or_empty, :IsNullOrEmpty
end

module Tandem
  # A class of characters; without any, blanks.
  def self.trimmed(chars)
    list = chars.flatten.join
    list.empty? ? '\s' : "[#{Regexp.escape(list)}]"
  end

  # One value by a format of .NET: dates, digits, or none.
  def self.formatted(value, form)
    case form
    when nil, '' then value.to_s
    when /\A0+\z/ then format("%0#{form.length}d", value)
    when /\A0*\.(0+)\z/ then format("%.#{$1.length}f", value)
    when /\A[Dd](\d+)\z/ then format("%0#{$1}d", value)
    when /\A[FfNn](\d+)\z/ then format("%.#{$1}f", value)
    else value.is_a?(Time) ? net_time(value, form) : value.to_s
    end
  end

  module List
    def Count = length
    def Length = length
    def ToArray = to_a
  end
end

class Array
  include Tandem::List
  def Add(item) = push(item)
  def Contains(item) = include?(item)
end

class Hash
  include Tandem::List
  def ContainsKey(key) = key?(key)
  def Keys = keys
  def Values = values
end

Tandem::Names.spread(String, over: false)
