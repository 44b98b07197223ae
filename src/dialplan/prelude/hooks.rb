# SPDX-License-Identifier: BSD-3-Clause
# Every method that a script defines is noted, so that it can be taken away after the run.

TandemEach = ObjectSpace.method(:each_object)
trap('USR1') { TandemSandbox.interrupt }

class Module
  private

  def method_added(name) = TandemSandbox.method_changed(self, name, true)
  def method_removed(name) = TandemSandbox.method_changed(self, name, false)
  def method_undefined(name) = TandemSandbox.method_changed(self, name, false)
end

class BasicObject
  private

  def singleton_method_added(name) = ::TandemSandbox.method_changed(self, name, true)
  def singleton_method_removed(name) = ::TandemSandbox.method_changed(self, name, false)
  def singleton_method_undefined(name) = ::TandemSandbox.method_changed(self, name, false)
end
