# SPDX-License-Identifier: BSD-3-Clause
# What scripts may require is loaded here, once, for all of them: a sandbox cannot open a file.

require 'json'
require 'time'
require 'date'
require 'set'
require 'digest'
require 'digest/md5'
require 'digest/sha1'
require 'digest/sha2'
require 'base64'
require 'uri'
require 'stringio'
require 'strscan'
require 'ostruct'
require 'forwardable'
require 'bigdecimal'
require 'securerandom'
