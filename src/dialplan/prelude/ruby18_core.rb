# SPDX-License-Identifier: BSD-3-Clause
# What Ruby 1.8's own classes could and today's cannot, as far as dialplans used it. A method that
# Ruby still has is only changed where scripts would otherwise go wrong.

module Tandem
  # ?a: a text of one character that compares and reckons as the number it was.
  class Char < String
    def ==(other) = other.is_a?(Integer) ? ord == other : super
    def <=>(other) = other.is_a?(Integer) ? ord <=> other : super
    def coerce(other) = [other, ord]
    def -(other) = ord - Tandem.code(other)
    def +(other) = other.is_a?(Integer) ? ord + other : super
    def hash = String.new(self).hash
    alias === ==
  end

  # The number of a character; whatever else there is stays.
  def self.code(value)
    value.is_a?(String) && value.length == 1 ? value.ord : value
  end
  CODE = method(:code).to_proc

  # Constants.NAME = value, for methods that assign constants.
  module Constants
    def self.method_missing(name, *values)
      return ::Object.const_defined?(name) ? ::Object.const_get(name) : nil if values.empty?

      name = name.to_s.delete_suffix('=').to_sym
      ::Object.send(:remove_const, name) if ::Object.const_defined?(name, false)
      ::Object.const_set(name, values.first)
    end

    def self.respond_to_missing?(*) = true
  end

  # Hash#select gave pairs: these are found by number, too.
  class Selected < Hash
    def [](key) = key.is_a?(Integer) && !key?(key) ? to_a[key] : super
    def last = to_a.last
    def to_ary = to_a
  end
end

module Kernel
  def type = self.class
  def id = object_id
end

class String
  def each(mark = $/, &block) = each_line(mark, &block)
  def to_a = lines
  %i[collect map each_with_index grep find detect inject any? all?].each do |name|
    define_method(name) { |*args, &block| lines.public_send(name, *args, &block) }
  end
end

# Texts of these may be changed in place, as every text could.
class NilClass
  def to_s = +''
end

class Array
  def to_s = join
  def nitems = compact.length
  def choice = sample
  def indexes(*at) = values_at(*at)
  alias indices indexes
end

class Hash
  alias kept_entries select
  private :kept_entries
  def select(&block) = block ? Tandem::Selected.new.replace(kept_entries(&block)) : to_enum(:select)
  def index(value) = key(value)
  def to_s = to_a.join
  def indexes(*keys) = values_at(*keys)
end


class Object
  remove_const(:Fixnum) if const_defined?(:Fixnum, false)
  remove_const(:Bignum) if const_defined?(:Bignum, false)
  Fixnum = Integer
  Bignum = Integer
end

class Digest::Class
  # MD5.new('text') held the text.
  def self.of(text) = text.nil? ? new : new.update(text)
end

class MD5
  def self.new(text = nil) = Digest::MD5.of(text)
  singleton_class.alias_method :md5, :new
  def self.hexdigest(text) = Digest::MD5.hexdigest(text)
  def self.digest(text) = Digest::MD5.digest(text)
end

class SHA1
  def self.new(text = nil) = Digest::SHA1.of(text)
  singleton_class.alias_method :sha1, :new
  def self.hexdigest(text) = Digest::SHA1.hexdigest(text)
  def self.digest(text) = Digest::SHA1.digest(text)
end

module ParseDate
  def self.parsedate(text, _century = false)
    Date._parse(text).values_at(:year, :mon, :mday, :hour, :min, :sec, :zone, :wday)
  end
end
